# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian 12's packages, or unstable's, read by an apt of our own that leaves the system's
# alone: for fetch-kernel, fetch-media and mk-debian-disk. Sourced after common.sh; wants
# the cache's folder in $cache and the lock "kernels" held.

SUITE=bookworm
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Every suite that has ever carried a kernel for Debian 12, at the mirrors that
# this machine's apt is set up with. A suite the mirror lacks is no error: 6.12
# is in the security suite on one mirror and in backports on another.
write_sources() {
	local main security option='' host_uris

	# apt itself tells the mirrors, whichever of its two list formats is used.
	host_uris=$(apt-get --print-uris update 2>/dev/null)
	main=$(host_mirror "$SUITE" "$SUITE-updates")
	[ -n "$main" ] || die "apt here has no source for Debian 12 ($SUITE)"
	security=$(host_mirror "$SUITE-security")
	[ -n "$security" ] || security=${main%/}-security
	[ ! -r "$KEYRING" ] || option="signed-by=$KEYRING"

	if [ "$1" = unstable ]; then
		# A mirror may be behind. What it has is signed all the same.
		printf 'deb [check-valid-until=no %s] %s unstable main\n' "$option" "$main"
		return
	fi
	printf "deb ${option:+[$option] }%s %s main\n" \
		"$main" "$SUITE" "$main" "$SUITE-updates" \
		"$security" "$SUITE-security" "$main" "$SUITE-backports"
}

# host_mirror SUITE...: the URI this machine's apt has for the first that it has.
host_mirror() {
	local suite uri

	for suite; do
		uri=$(sed -n "s,^'\\(.*\\)/dists/$suite/InRelease'.*,\\1,p" <<<"$host_uris")
		if [ -n "$uri" ]; then
			printf '%s\n' "${uri%%$'\n'*}"
			return
		fi
	done
}

# apt_prepare [unstable]: a private apt: own lists, cache, status and sources. The
# system's settings for proxies and credentials still apply, its hooks do not.
apt_prepare() {
	apt_dir=$cache/apt${1:+-$1}
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial" "$apt_dir/parts"
	: >"$apt_dir/status"
	write_sources "${1:-}" >"$apt_dir/sources.list.new"
	cat >"$apt_dir/apt.conf" <<-END
		#clear APT::Update;
		#clear DPkg::Post-Invoke;
		#clear DPkg::Pre-Install-Pkgs;
		Dir::State "$apt_dir";
		Dir::State::lists "$apt_dir/lists";
		Dir::State::status "$apt_dir/status";
		Dir::Cache "$apt_dir";
		Dir::Cache::archives "$apt_dir/archives";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "$apt_dir/parts";
		Acquire::Languages "none";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "$(id -un)";
	END
	if ! cmp -s "$apt_dir/sources.list.new" "$apt_dir/sources.list"; then
		mv "$apt_dir/sources.list.new" "$apt_dir/sources.list"
		rm -f "$apt_dir/stamp"
	fi
	# An hour is short enough to see a security update on the day, and long
	# enough that four kernels in a row cost one update.
	if [ -n "${update:-}" ] || [ -z "$(find "$apt_dir/stamp" -mmin -60 2>/dev/null)" ]; then
		note "reading the package lists"
		apt-get -qq -c "$apt_dir/apt.conf" update 2>"$apt_dir/update.log" ||
			note "some package list could not be read (see $apt_dir/update.log)"
		: >"$apt_dir/stamp"
	fi
}

# unpack TARGET PACKAGE...: the packages' files, in $cache/TARGET or nowhere.
unpack() {
	local target=$1 work deb

	shift
	work=$(mktemp -d "$cache/.unpack-XXXXXX")
	# shellcheck disable=SC2064 # the value of now
	trap "rm -rf '$work'" EXIT
	chmod 755 "$work"
	mkdir "$work/deb" "$work/root"
	note "downloading $*"
	(cd "$work/deb" && apt-get -qq -c "$apt_dir/apt.conf" download "$@" >&2) ||
		die "download failed"
	for deb in "$work"/deb/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
	[ -z "${fix_up:-}" ] || "$fix_up" "$work/root"
	mkdir -p "$(dirname "$cache/$target")"
	# The rename is what makes it exist: an interrupted run leaves nothing.
	mv "$work/root" "$cache/$target"
	rm -rf "$work"
	trap - EXIT
}

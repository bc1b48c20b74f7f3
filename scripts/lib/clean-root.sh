# SPDX-License-Identifier: GPL-2.0-or-later
#
# A clean Debian 12 to install our packages in: a minbase as an archive, with the lists
# of apt and, not installed, the packages that ours depend on. Sourced after common.sh,
# image.sh (cached) and apt.sh; wants the cache's folder in $cache.

# make_clean_root PATH DEPENDS: the archive. DEPENDS: package names with spaces between.
make_clean_root() {
	local out=$1 depends=$2 log=$1.log

	apt_prepare
	note "making a clean Debian 12 (about a minute)"
	# An installed Debian's suites: no backports. The archives stay for apt in there.
	# shellcheck disable=SC2016 # mmdebstrap's shell has $1
	grep -v -- '-backports ' "$apt_dir/sources.list" |
		mmdebstrap --variant=minbase --format=tar \
			--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
			--aptopt='Acquire::Languages "none"' \
			--aptopt='APT::Install-Recommends "false"' \
			--skip=cleanup/apt,cleanup/reproducible \
			--customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb' \
			--customize-hook="APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG \
				apt-get -qq --yes --download-only install $depends >&2" \
			"$SUITE" - - 2>"$log" | zstd -q -T0 >"$out" || {
		tail -n 20 "$log" >&2
		die "mmdebstrap failed; its log: $log"
	}
	rm -f "$log"
}

# clean_root DEB...: path of an archive that has what these packages depend on, in
# $cached_path.
clean_root() {
	local depends key

	# The first of alternatives, without versions; not what is installed with them.
	depends=$(for deb; do dpkg-deb -f "$deb" Depends; echo; done |
		tr ',' '\n' | sed 's/ *|.*//; s/ *(.*//; s/ //g; /^baton/d; /^$/d' |
		sort -u | tr '\n' ' ')
	key=$({ echo "$depends"; cat "$BATON_TOP/scripts/lib/clean-root.sh"; } |
		sha256sum | cut -c 1-12)
	if [ ! -e "$cache/package/root-$key.tar.zst" ]; then
		lock_take kernels
		local kernels_fd=$lock_fd
		cached "package/root-$key.tar.zst" make_clean_root "$depends"
		exec {kernels_fd}>&-
	else
		cached "package/root-$key.tar.zst" false
	fi
}

# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every script here shares: messages, the cache's place, and locks.
# Sourced by bash scripts that set $0; prints on stderr only, because stdout
# carries a script's answer (a path, or the output of a command).

# Message and end; the exit status is 1 unless $DIE_STATUS says otherwise.
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "${DIE_STATUS:-1}"
}

note() {
	[ -n "${BATON_QUIET:-}" ] || printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# With "set -e" a script can end without a word: say where.
set -E
trap 'printf "%s: line %s: failed: %s\n" "${0##*/}" "$LINENO" "$BASH_COMMAND" >&2' ERR

# The usage text of a script is its own head comment, so that there is one text
# to keep right: everything from line 3 to the first line that is no comment.
usage_from_head() {
	awk 'NR < 3 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"
}

BATON_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this
BATON_BUILD=${BATON_BUILD:-$BATON_TOP/build}

# Downloads and what is made from them live outside the tree: "make clean" and a
# fresh clone must not cost 100 MiB each.
cache_dir() {
	local dir=${BATON_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/baton}

	mkdir -p "$dir" || die "cannot make the cache directory $dir"
	# Links into the cache are resolved from elsewhere: an absolute path.
	(cd "$dir" && pwd)
}

# lock_fd_open NAME: hold the lock NAME of the cache until this process ends or
# closes the descriptor left in $lock_fd.
lock_take() {
	exec {lock_fd}>"$(cache_dir)/.lock-$1"
	if ! flock -n "$lock_fd"; then
		note "waiting for another run that holds the lock \"$1\""
		flock "$lock_fd"
	fi
}

lock_drop() {
	exec {lock_fd}>&-
}

# need PROGRAM...: end with the one command that helps, if a program is missing.
need() {
	local tool missing=

	for tool; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"
	done
	[ -z "$missing" ] || die "not installed:$missing (run scripts/setup)"
}

#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The YAML reader of nocloud-seed: what it understands, what it refuses, and that
# it comes to an end with whatever it is given. Prints TAP.
use strict;
use warnings;
use Cwd ();
use lib Cwd::realpath($0) =~ s{tests/image/[^/]*$}{scripts/lib/debian-root/usr/local/lib/nocloud-seed}r;
use Yaml ();

my $tests = 0;
my $failed = 0;

sub ok {
	my ($good, $name, $why) = @_;
	$tests++;
	$failed++ unless $good;
	print $good ? '' : 'not ', "ok $tests - $name\n";
	print "# $why\n" if !$good && defined $why;
}

# The data on one line, keys in order.
sub flat {
	my $value = shift;
	return '{' . join(', ', map { "$_: " . flat($value->{$_}) } sort keys %$value) . '}'
		if ref $value eq 'HASH';
	return '[' . join(', ', map { flat($_) } @$value) . ']' if ref $value eq 'ARRAY';
	return 'null' unless defined $value;
	return '"' . ($value =~ s/\n/\\n/gr) . '"';
}

my @understood = (
	['nothing', "", '{}'],
	['comments alone', "# a\n\n  # b\n", '{}'],
	['a map', "a: b\nc: d e\n", '{a: "b", c: "d e"}'],
	['a document mark', "---\na: b\n", '{a: "b"}'],
	['line ends of DOS', "a: b\r\nc:\r\n  - d\r\n", '{a: "b", c: ["d"]}'],
	['no value', "a:\nb: ~\n", '{a: null, b: null}'],
	['a map in a map', "a:\n  b: c\n  d:\n    e: f\ng: h\n", '{a: {b: "c", d: {e: "f"}}, g: "h"}'],
	['a list', "a:\n  - b\n  - c\n", '{a: ["b", "c"]}'],
	['a list at the key', "a:\n- b\n- c\nd: e\n", '{a: ["b", "c"], d: "e"}'],
	['maps in a list', "- a: b\n  c: d\n- e: f\n", '[{a: "b", c: "d"}, {e: "f"}]'],
	['a list in a map in a list', "- a:\n  - b\n  c: d\n", '[{a: ["b"], c: "d"}]'],
	['a list in a list', "- - a\n  - b\n- c\n", '[["a", "b"], "c"]'],
	['an item below its dash', "-\n  a: b\n", '[{a: "b"}]'],
	['flow style', "a: [b, 'c, d', {e: f, g: [h]}, ]\n", '{a: ["b", "c, d", {e: "f", g: ["h"]}]}'],
	['empty flow', "a: []\nb: {}\n", '{a: [], b: {}}'],
	['quotes', q(a: 'it''s') . "\n" . q(b: "x\ty\"z\u00e9") . "\n", "{a: \"it's\", b: \"x\ty\"z\xc3\xa9\"}"],
	['quoted keys', "'a b': c\n\"d\": e\n", '{a b: "c", d: "e"}'],
	['comments after values', "a: b # c\nd: 'e # f' # g\nh: i#j\n", '{a: "b", d: "e # f", h: "i#j"}'],
	['an apostrophe in a word', "a: don't # can't\n", '{a: "don\'t"}'],
	['colons in words', "a: http://x:80/y\nb: ::1\n", '{a: "http://x:80/y", b: "::1"}'],
	['literal text', "a: |\n  b\n    c # d\n\n  e\nf: g\n", '{a: "b\n  c # d\n\ne\n", f: "g"}'],
	['literal text, stripped', "a: |-\n  b\n\n", '{a: "b"}'],
	['literal text, kept', "a: |+\n  b\n\nc: d\n", '{a: "b\n\n", c: "d"}'],
	['literal text with an indent', "a: |2\n    b\n  c\n", '{a: "  b\nc\n"}'],
	['literal text in a list', "- |\n  a: b\n  - c\n- d\n", '["a: b\n- c\n", "d"]'],
	['folded text', "a: >\n  b\n  c\n\n  d\n", '{a: "b c\nd\n"}'],
	['a value over two lines', "a: b\n  c\nd: e\n", '{a: "b c", d: "e"}'],
	['a list of commands', "runcmd:\n - [sh, -c, 'a; b']\n - c d >e\n", '{runcmd: [["sh", "-c", "a; b"], "c d >e"]}'],
);

my @refused = (
	['an anchor', "a: &b c\n", 'line 1'],
	['an alias', "x: y\na: *b\n", 'line 2'],
	['a tag', "a: !!str b\n", 'line 1'],
	['a second document', "a: b\n---\nc: d\n", 'line 2'],
	['a tab', "a:\n\tb: c\n", 'line 2'],
	['an open list', "a: [b, c\n", 'line 1'],
	['an open map', "a: {b: c\n", 'line 1'],
	['text after a value', "a: \"b\" c\n", 'line 1'],
	['a key without a colon', "a: b\nc\n", 'line 2'],
	['a stray indent', "a:\n    b: c\n  d: e\n", 'line 3'],
	['a colon in a plain value', "a: b: c\n", 'line 1'],
	['deep flow', 'a: ' . '[' x 5000 . "\n", 'deeply'],
	['deep blocks', join('', map { ' ' x $_ . "a:\n" } 0 .. 3000), 'deeply'],
	['dashes', '- ' x 5000 . "a\n", 'deeply'],
);

for (@understood) {
	my ($name, $text, $want) = @$_;
	my $data = eval { Yaml::read('test', $text) };
	my $got = $@ ? "error: $@" : flat($data);
	ok($got eq $want, $name, "got $got, want $want");
}
for (@refused) {
	my ($name, $text, $want) = @$_;
	my $data = eval { Yaml::read('test', $text) };
	my $got = $@ || flat($data);
	ok($got =~ /^test, line \d+: / && $got =~ /\Q$want\E/, "$name is refused", "got $got");
}

# Texts with a few bytes changed: any answer is fine, but one has to come.
srand 1;
my @pieces = (split(//, "[]{}:,#|>-+'\"&*!%@\\\n\n  \t0a"), "- ", ": ", "  - ", "---\n", "|2\n");
my $slow = 0;
for my $round (1 .. 3000) {
	my $text = $understood[int rand @understood][1] . $understood[int rand @understood][1];
	for (0 .. int rand 6) {
		substr $text, int rand(1 + length $text), int rand 3, $pieces[int rand @pieces];
	}
	my $bad = '';
	local $SIG{__WARN__} = sub { $bad = "warning: $_[0]" };
	local $SIG{ALRM} = sub { die "too slow\n" };
	alarm 5;
	eval { flat(Yaml::read('test', $text)); 1 } or $@ =~ /^test, line \d+: / or $bad = $@;
	alarm 0;
	next if $bad eq '';
	$slow++;
	print "# $bad# in: ", $text =~ s/\n/\\n/gr, "\n" if $slow < 5;
}
ok(!$slow, 'changed texts end in data or an error');
print "1..$tests\n";
exit($failed ? 1 : 0);

# SPDX-License-Identifier: GPL-2.0-or-later
#
# The YAML that seeds are written in, for nocloud-seed: block style, flow lists and
# maps within one line, quoted and plain values, literal (|) and folded (>) text; not
# anchors, tags, aliases, "? " keys or several documents, which are errors. Every
# value is text or undef. What is wrong ends in die() with the line's number.
package Yaml;
use strict;
use warnings;

# $line is where peek() last found something, for messages.
my (@raw, $at, $line, $begun, $file_name);

sub yaml_die {
	die sprintf("%s, line %d: %s\n", $file_name, $line + 1, $_[0]);
}

# What is left of a line without its comment; quotes around a value protect a #.
sub without_comment {
	my $text = shift;
	return $text unless $text =~ /#/;
	pos($text) = 0;
	while (pos $text < length $text) {
		my $here = pos $text;
		return substr $text, 0, $here
			if $text =~ /\G\s*#/gc && ($here == 0 || $text =~ /\G(?<=\s#)/);
		pos($text) = $here;
		next if $text =~ /\G\s+/gc || $text =~ /\G[\[\]{},]/gc ||
			$text =~ /\G"(?:[^"\\]|\\.)*"/gc || $text =~ /\G'[^']*'/gc;
		$text =~ /\G[^\s\[\]{},]+/gc;
	}
	return $text;
}

# peek: indent and text of the next line that says something, or nothing.
sub peek {
	while ($at < @raw) {
		my $text = without_comment($raw[$at]) =~ s/\s+$//r;
		$line = $at;
		if ($text eq '' || ($text eq '---' && !$begun)) {
			$at++;
			next;
		}
		yaml_die('a tab indents') if $text =~ /^ *\t/;
		yaml_die('only one document is understood') if $text =~ /^(?:---|\.\.\.)(?: |$)/;
		$begun = 1;
		$text =~ /^( *)(.*)$/;
		return (length $1, $2);
	}
	return;
}

my %ESCAPE = (n => "\n", t => "\t", r => "\r", 0 => "\0", e => "\e", '"' => '"', '\\' => '\\',
	'/' => '/', ' ' => ' ');

sub unescape {
	my $text = shift;
	$text =~ s{\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))}{
		my $c = defined $1 ? chr hex $1 : defined $2 ? chr hex $2 : $ESCAPE{$3} // $3;
		utf8::encode($c) if defined $2;
		$c
	}ge;
	return $text;
}

sub plain {
	my $text = shift;
	return undef if $text =~ /^(?:~|null|Null|NULL|)$/;
	yaml_die("\"$text\" uses YAML that is not understood here") if $text =~ /^[&*!%@`]/;
	return $text;
}

# One value in flow style off the front of $$text; what ends a plain one is $stop.
sub flow {
	my ($text, $stop, $depth) = @_;
	yaml_die('too deeply nested') if $depth > 20;
	$$text =~ s/^\s+//;
	return unescape($1) if $$text =~ s/^"((?:[^"\\]|\\.)*)"\s*//;
	if ($$text =~ s/^'((?:[^']|'')*)'\s*//) {
		(my $quoted = $1) =~ s/''/'/g;
		return $quoted;
	}
	return flow_list($text, $depth) if $$text =~ s/^\[\s*//;
	return flow_map($text, $depth) if $$text =~ s/^\{\s*//;
	$$text =~ s/^($stop)\s*// or yaml_die('a value is missing');
	(my $word = $1) =~ s/\s+$//;
	return plain($word);
}

sub flow_list {
	my ($text, $depth) = @_;
	my @list;
	until ($$text =~ s/^\]\s*//) {
		yaml_die('a list has no end on its line') if $$text eq '';
		push @list, flow($text, '[^,\]]*', $depth + 1);
		$$text =~ s/^,\s*// or $$text =~ /^\]/ or yaml_die('a comma is missing');
	}
	return \@list;
}

sub flow_map {
	my ($text, $depth) = @_;
	my %map;
	until ($$text =~ s/^\}\s*//) {
		yaml_die('a map has no end on its line') if $$text eq '';
		my $key = flow($text, '[^,:\}]*', $depth + 1) // '';
		$$text =~ s/^:\s*// or yaml_die('a colon is missing');
		$map{$key} = $$text =~ /^[,\}]/ ? undef : flow($text, '[^,\}]*', $depth + 1);
		$$text =~ s/^,\s*// or $$text =~ /^\}/ or yaml_die('a comma is missing');
	}
	return \%map;
}

# Text after | or >: the raw lines that are indented more than $parent.
sub block_text {
	my ($parent, $style, $chomp, $digit) = @_;
	my (@lines, $indent);
	$indent = $parent + $digit if $digit;
	for (; $at < @raw; $at++) {
		if ($raw[$at] =~ /^\s*$/) {
			push @lines, '';
			next;
		}
		$raw[$at] =~ /^( *)/;
		$indent //= length $1 if length $1 > $parent;
		last if !defined $indent || length $1 < $indent;
		push @lines, substr $raw[$at], $indent;
	}
	my $tail = 0;
	while (@lines && $lines[-1] eq '') {
		pop @lines;
		$tail++;
	}
	return '' unless @lines;
	my $text = join "\n", @lines;
	# Folding: one line break is a space, and of several one goes away.
	$text =~ s/(?<=\S)\n(\n*)(?=\S)/$1 eq '' ? ' ' : $1/ge if $style eq '>';
	return $text . ($chomp eq '-' ? '' : "\n") . ($chomp eq '+' ? "\n" x $tail : '');
}

# The value that stands behind a key or a dash, or below it. A list below a key may
# have the key's own indent.
sub value {
	my ($text, $parent, $list_indent, $depth) = @_;
	yaml_die('too deeply nested') if $depth > 20;
	if ($text =~ /^([|>])(?:([-+]?)([1-9]?)|([1-9])([-+]))$/) {
		return block_text($parent, $1, $2 // $5, $3 // $4);
	}
	if ($text eq '') {
		my ($indent, $next) = peek();
		return undef unless defined $indent;
		return block($indent, $depth + 1) if $indent > $parent;
		return block($indent, $depth + 1)
			if $indent == $list_indent && $next =~ /^-(?: |$)/;
		return undef;
	}
	if ($text =~ /^["'\[\{]/) {
		my $rest = $text;
		my $result = flow(\$rest, '.*', $depth);
		yaml_die("\"$rest\" follows a value") if $rest ne '';
		return $result;
	}
	# A plain value goes on in lines that are indented more.
	while (my ($indent, $next) = peek()) {
		last unless $indent > $parent;
		$text .= " $next";
		$at++;
	}
	yaml_die('": " inside a value wants quotes around it') if $text =~ /:(?: |$)/;
	return plain($text);
}

my $KEY = qr/("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'\[\]\{\},#&*!|>%@`-][^#]*?|-[^\s#][^#]*?)\s*:(?:\s+(.*)|)$/;

sub block {
	my ($indent, $depth) = @_;
	yaml_die('too deeply nested') if $depth > 20;
	my (undef, $first) = peek();
	return block_list($indent, $depth) if $first =~ /^-(?: |$)/;
	return block_map($indent, $depth) if $first =~ /^$KEY/;
	$at++;
	return value($first, $indent - 1, -1, $depth);
}

sub block_list {
	my ($indent, $depth) = @_;
	my @list;
	while (my ($here, $text) = peek()) {
		last if $here < $indent || ($here == $indent && $text !~ /^-(?: |$)/);
		yaml_die('a line is indented too far') if $here > $indent;
		$text =~ s/^-( *)//;
		my $inner = $here + 1 + length $1;
		if ($text =~ /^$KEY/ || $text =~ /^- /) {
			# A map or a list that begins behind the dash: put the dash away.
			substr $raw[$at], $here, 1, ' ';
			push @list, block($inner, $depth + 1);
		} else {
			$at++;
			push @list, value($text, $indent, -1, $depth + 1);
		}
	}
	return \@list;
}

sub block_map {
	my ($indent, $depth) = @_;
	my %map;
	while (my ($here, $text) = peek()) {
		last if $here < $indent;
		yaml_die('a line is indented too far') if $here > $indent;
		$text =~ /^$KEY/ or yaml_die("\"$text\" is no \"key: value\"");
		my ($key, $rest) = ($1, $2 // '');
		$key =~ s/^(["'])(.*)\1$/$2/;
		$at++;
		$map{$key} = value($rest, $indent, $indent, $depth + 1);
	}
	return \%map;
}

# read(NAME, TEXT): the document as Perl data.
sub read {
	($file_name, my $text) = @_;
	$text =~ s/\r\n/\n/g;
	@raw = split /\n/, $text;
	$at = $line = $begun = 0;
	my ($indent) = peek();
	return {} unless defined $indent;
	my $data = block($indent, 0);
	yaml_die('not understood') if peek();
	return $data;
}

1;

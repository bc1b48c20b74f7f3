// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl completion: scripts for shells, made from the table of verbs. Names of VMs, images and
 * networks are asked for when they are needed, of a daemon that runs already.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "options.h"
#include "verb.h"

static const char *const shells[] = { "bash", "zsh", "fish" };

/* The command that lists what a verb's arguments name; NULL: files or words. */
static const char *source_of(enum completes completes)
{
	switch (completes) {
	case COMPLETES_VM:
	case COMPLETES_VMS:
	case COMPLETES_SETTINGS:
		return "list -q";
	case COMPLETES_TRASH:
		return "list --trash -q";
	case COMPLETES_IMAGE:
		return "image list -q";
	case COMPLETES_NETWORK:
		return "net list -q";
	default:
		return NULL;
	}
}

/* A list of words: "table|json"; of "port:N", what stands before what the user chooses. */
static bool is_words(const char *value)
{
	return value && strchr(value, '|') &&
		!value[strspn(value, "abcdefghijklmnopqrstuvwxyzN:|")];
}

static void print_words(const char *value)
{
	for (; *value; value++)
		if (*value != 'N')
			putchar(*value == '|' ? ' ' : *value);
}

/* Fields are told by a table's head: of those verbs that print one and end at once. */
static bool has_fields(const struct verb *verb)
{
	const char *last = strrchr(verb->name, ' ');

	return !strcmp(last ? last + 1 : verb->name, "list") || !strcmp(verb->name, "settings");
}

/* What the value of an option is completed from: words on a line. */
static void print_value_source(const struct verb *verb, const struct option_row *row)
{
	const char *value = row->value;

	if (has_fields(verb) && (!strcmp(row->name, "fields") || !strcmp(row->name, "sort"))) {
		printf("fields %s", verb->name);
	} else if (is_words(value)) {
		printf("words ");
		print_words(value);
	} else if (!strncmp(value, "NETWORK", strlen("NETWORK"))) {
		printf("names net list -q");
	} else if (!strncmp(value, "IMAGE", strlen("IMAGE"))) {
		printf("names image list -q");
	} else if (!strncmp(value, "FILE", strlen("FILE")) || !strncmp(value, "PATH", 4)) {
		printf("files");
	} else {
		printf("nothing");
	}
}

static void print_argument_source(const struct verb *verb)
{
	const char *source = source_of(verb->completes);

	if (verb->completes == COMPLETES_SETTINGS)
		printf("settings");
	else if (source)
		printf("names %s%s", source,
		       verb->completes == COMPLETES_IMAGE ? "; _vmctl_files" : "");
	else if (verb->completes == COMPLETES_FILES)
		printf("files");
	else if (verb->completes == COMPLETES_SHELL)
		printf("words bash zsh fish");
	else if (verb->completes == COMPLETES_VERB)
		printf("words $(_vmctl_verbs)");
	else
		printf("nothing");
}

static void print_verb_names(const char *separator)
{
	bool first = true;

	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		printf("%s%s", first ? "" : separator, verb->name);
		first = false;
	}
}

/* ---- bash, and zsh, which can run bash's ---- */

/* As a function of sh: how to complete behind `verb option`. */
static void print_value_cases(void)
{
	printf("_vmctl_value() {\n\tcase \"$1 $2\" in\n");
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		for (const struct option_row *row = verb->options; row->name; row++) {
			if (!row->value)
				continue;
			printf("\t\"%s --%s\") _vmctl_", verb->name, row->name);
			print_value_source(verb, row);
			printf(" ;;\n");
		}
	}
	printf("\t*) return 1 ;;\n\tesac\n}\n\n");
}

static void print_option_cases(void)
{
	printf("_vmctl_options() {\n\tcase $1 in\n");
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		printf("\t\"%s\") _vmctl_words --help --verbose", verb->name);
		for (const struct option_row *row = verb->options; row->name; row++)
			printf(" --%s", row->name);
		printf(" ;;\n");
	}
	printf("\tesac\n}\n\n");
}

static void print_argument_cases(void)
{
	printf("_vmctl_arguments() {\n\tcase $1 in\n");
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		printf("\t\"%s\") _vmctl_", verb->name);
		print_argument_source(verb);
		printf(" ;;\n");
	}
	printf("\tesac\n}\n\n");
}

static const char bash_head[] =
	"# bash completion of vmctl, made by \"vmctl completion bash\"\n\n"
	"_vmctl_words() { COMPREPLY+=($(compgen -W \"$*\" -- \"$_vmctl_word\")); }\n"
	"_vmctl_files() { local IFS=$'\\n'; compopt -o filenames; "
	"COMPREPLY+=($(compgen -f -- \"$_vmctl_word\")); }\n"
	"_vmctl_nothing() { :; }\n"
	"# Nothing is started for the sake of a name.\n"
	"_vmctl_ask() { BATON_AUTOSTART=0 \"$_vmctl_program\" \"$@\" 2>/dev/null; }\n"
	"_vmctl_names() { _vmctl_words \"$(_vmctl_ask \"$@\")\"; }\n"
	"# The last of several with commas between.\n"
	"_vmctl_fields() {\n"
	"\tlocal before=\n"
	"\tcase $_vmctl_word in *,*) before=${_vmctl_word%,*}, ;; esac\n"
	"\tCOMPREPLY+=($(compgen -P \"$before\" -W \"$(_vmctl_ask \"$@\" --format csv | "
	"head -n 1 | tr , ' ')\" -- \"${_vmctl_word##*,}\"))\n"
	"}\n"
	"_vmctl_settings() {\n"
	"\t[ ${#plain[@]} -gt 1 ] || { _vmctl_names list -q; return; }\n"
	"\tcompopt -o nospace\n"
	"\tCOMPREPLY+=($(compgen -S = -W \"$(_vmctl_ask settings --fields key --no-headers)\" "
	"-- \"$_vmctl_word\"))\n"
	"}\n\n";

static const char bash_tail[] =
	"# The verb is the longest of those that the words begin with.\n"
	"_vmctl_find() {\n"
	"\tlocal words=\"$*\" verb\n"
	"\t_vmctl_verb=\n"
	"\twhile IFS= read -r verb; do\n"
	"\t\tcase \"$words \" in \"$verb \"*) [ ${#verb} -gt ${#_vmctl_verb} ] && "
	"_vmctl_verb=$verb ;; esac\n"
	"\tdone <<-END\n\t\t$(_vmctl_verb_list)\n\tEND\n"
	"}\n\n"
	"# Words that can come next in the name of a verb.\n"
	"_vmctl_next_words() {\n"
	"\tlocal start=\"$*\" verb rest\n"
	"\twhile IFS= read -r verb; do\n"
	"\t\tcase \"$verb \" in\n"
	"\t\t\"${start:+$start }\"*) rest=${verb#\"${start:+$start }\"}; echo \"${rest%% *}\" ;;\n"
	"\t\tesac\n"
	"\tdone <<-END\n\t\t$(_vmctl_verb_list)\n\tEND\n"
	"}\n\n"
	"_vmctl() {\n"
	"\tlocal _vmctl_program=${COMP_WORDS[0]} _vmctl_word=${COMP_WORDS[COMP_CWORD]} "
	"_vmctl_verb before i\n"
	"\tlocal -a plain=()\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in -*) ;; *) plain+=(\"${COMP_WORDS[i]}\") ;; esac\n"
	"\tdone\n"
	"\t_vmctl_find \"${plain[@]}\"\n"
	"\tif [ -z \"$_vmctl_verb\" ]; then\n"
	"\t\t_vmctl_words \"$(_vmctl_next_words \"${plain[@]}\")\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tbefore=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tcase $before in --*) _vmctl_value \"$_vmctl_verb\" \"$before\" && return ;; esac\n"
	"\tcase $_vmctl_word in\n"
	"\t-*) _vmctl_options \"$_vmctl_verb\" ;;\n"
	"\t*) _vmctl_arguments \"$_vmctl_verb\" ;;\n"
	"\tesac\n"
	"}\n\n"
	"complete -F _vmctl vmctl batonctl\n";

static void print_bash(void)
{
	fputs(bash_head, stdout);
	printf("_vmctl_verb_list() {\n\tcat <<-'END'\n\t\t");
	print_verb_names("\n\t\t");
	printf("\n\tEND\n}\n_vmctl_verbs() { _vmctl_next_words; }\n\n");
	print_value_cases();
	print_option_cases();
	print_argument_cases();
	fputs(bash_tail, stdout);
}

static void print_zsh(void)
{
	printf("#compdef vmctl batonctl\n"
	       "# zsh completion of vmctl, made by \"vmctl completion zsh\": bash's, by zsh's own\n"
	       "# emulation of it.\n"
	       "autoload -U +X bashcompinit && bashcompinit\n"
	       "compopt() { :; }\n\n");
	print_bash();
}

/* ---- fish ---- */

static void print_fish_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void print_fish_option(const struct verb *verb, const struct option_row *row)
{
	printf("complete -c vmctl -n '__vmctl_using \"%s\"' -l %s -d ", verb->name, row->name);
	print_fish_quoted(row->help);
	if (row->value && is_words(row->value)) {
		printf(" -x -a '");
		print_words(row->value);
		putchar('\'');
	} else if (row->value && !strncmp(row->value, "NETWORK", strlen("NETWORK"))) {
		printf(" -x -a '(__vmctl_names net list -q)'");
	} else if (row->value && !strncmp(row->value, "IMAGE", strlen("IMAGE"))) {
		printf(" -x -a '(__vmctl_names image list -q)'");
	} else if (row->value) {
		printf(strncmp(row->value, "FILE", strlen("FILE")) ? " -x" : " -r -F");
	}
	putchar('\n');
}

static void print_fish_verb(const struct verb *verb)
{
	const char *last = strrchr(verb->name, ' '), *source = source_of(verb->completes);
	int before = last ? (int)(last - verb->name) : 0;

	printf("complete -c vmctl -n '__vmctl_at \"%.*s\"' -a %s -d ", before, verb->name,
	       last ? last + 1 : verb->name);
	print_fish_quoted(verb->summary);
	putchar('\n');
	if (source)
		printf("complete -c vmctl -n '__vmctl_using \"%s\"' -a '(__vmctl_names %s)'\n",
		       verb->name, source);
	if (verb->completes == COMPLETES_FILES || verb->completes == COMPLETES_IMAGE)
		printf("complete -c vmctl -n '__vmctl_using \"%s\"' -F\n", verb->name);
	for (const struct option_row *row = verb->options; row->name; row++)
		print_fish_option(verb, row);
}

/* First words of longer names, once each. */
static void print_fish_groups(void)
{
	char last[32] = "";

	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		size_t length = strcspn(verb->name, " ");

		if (!verb->name[length] ||
		    (strlen(last) == length && !strncmp(last, verb->name, length)))
			continue;
		snprintf(last, sizeof(last), "%.*s", (int)length, verb->name);
		printf("complete -c vmctl -n '__vmctl_at \"\"' -a %s\n", last);
	}
	printf("complete -c vmctl -n '__vmctl_at \"net\"' -a forward\n");
}

static void print_fish(void)
{
	printf("# fish completion of vmctl, made by \"vmctl completion fish\"\n\n"
	       "function __vmctl_plain\n"
	       "\tstring match -v -- '-*' (commandline -opc)[2..]\n"
	       "end\n"
	       "function __vmctl_at\n"
	       "\tset -l words (string join ' ' (__vmctl_plain))\n"
	       "\ttest \"$words\" = \"$argv[1]\"\n"
	       "end\n"
	       "function __vmctl_using\n"
	       "\tset -l words (string join ' ' (__vmctl_plain))\n"
	       "\tstring match -q -- \"$argv[1] *\" \"$words \"\n"
	       "end\n"
	       "function __vmctl_names\n"
	       "\tBATON_AUTOSTART=0 vmctl $argv 2>/dev/null\n"
	       "end\n"
	       "# fish has completions of its own for another program of this name.\n"
	       "complete -c vmctl -e\n"
	       "complete -c vmctl -f\n"
	       "complete -c batonctl -w vmctl\n\n");
	print_fish_groups();
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb))
		print_fish_verb(verb);
}

int completion_run(const struct args *args, struct btn_error *e)
{
	static void (*const print[])(void) = { print_bash, print_zsh, print_fish };
	const char *shell = args->positional[0];
	size_t i = 0;

	if (!check_word("shell", BTN_BAD_VALUE, shell, shells, 3, e)) {
		btn_set_cause(e, "Completion is there for bash, zsh and fish.");
		return BTN_EXIT_USAGE;
	}
	while (strcmp(shells[i], shell))
		i++;
	print[i]();
	return BTN_EXIT_DONE;
}

# SPDX-License-Identifier: GPL-2.0-or-later
"""vmctl as scripts and shells use it: every verb with wrong arguments, formats, outputs that
take no more, completion. Against the daemon with the stub monitor; test_errors.py has the
errors of the README's flows."""
import csv
import io
import json
import os
import pty
import re
import subprocess
import sys

from harness import run_tests

VMS = 12


class Vmctl:
    def __init__(self, d):
        self.program = os.path.join(d.bin, "vmctl")
        self.env = dict(d.env, NO_COLOR="1")

    def run(self, *words, status=None, **options):
        options.setdefault("stdout", subprocess.PIPE)
        result = subprocess.run([self.program, *words], env=self.env, stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, timeout=60, text=True, **options)
        assert result.returncode >= 0, "%s: signal %d" % (words, -result.returncode)
        assert status is None or result.returncode == status, result
        return result

    def out(self, *words):
        return self.run(*words, status=0).stdout

    def fails(self, status, *words):
        """Sentence with a code, cause, fix; that name this command, and nothing raw."""
        result = self.run(*words, status=status)
        lines = result.stderr.splitlines()
        assert re.fullmatch(r"vmctl: .* \(BTN-[0-9]{4}\)", lines[0]), result
        assert lines[1].startswith("cause: ") and lines[2].startswith("fix: "), result
        assert "COMMAND" not in lines[2] and "the member" not in lines[0], result
        return result.stderr


def verbs(v):
    listed = re.findall(r"^  ([a-z-]+(?: [a-z]+)*)  ", v.out("help"), re.M)
    assert len(listed) > 35, listed
    return listed


def make(d, v):
    c = d.client()
    for i in range(VMS):
        c.job("vm-create", name="vm%d" % i, disk_size=1 << 20)
    c.job("vm-start", name="vm3")
    c.close()
    return v


def test_wrong(d):
    """Each verb: a wrong option, no arguments, a VM that is not there."""
    v = make(d, Vmctl(d))
    for verb in verbs(v):
        words = verb.split()
        assert "--nonsense" in v.fails(2, *words, "--nonsense")
        assert v.out("help", *words).startswith("vmctl %s: " % verb)
        usage = v.out(*words, "--help")
        takes = re.search(r"^usage: vmctl %s(.*)$" % verb, usage, re.M)
        if takes and re.match(r" [A-Z]", takes.group(1)):
            word = takes.group(1).split()[0].rstrip(".")
            said = v.fails(2, *words)
            assert "missing" in said, said
            if word in ("NAME", "VM") and verb not in ("create", "net create", "image add",
                                                       "image import"):
                v.fails(3, *words, "nosuch", *(["x=1"] if verb == "set" else ["x"] if verb in (
                    "rename", "send-key", "type", "control") else ["1:1"] if "forward" in verb
                                               and "list" not in verb else []))
    for wrong, said in ((["rename", "vm1"], "NEW-NAME is missing"), (["launch"], "IMAGE is missing"),
                        (["image", "add", "/x/y.raw", "im"], "vmctl image add im /x/y.raw"),
                        (["create", "x", "--disk-size", "100T"], "from 1M to 64T"),
                        (["net", "create", "x", "--subnet", "1.2.3.4"], "10.7.0.0/24"),
                        (["nope"], "vmctl help"), (["lst"], '"vmctl list"'),
                        (["send-key", "vm3"], '"vmctl help send-key"'),
                        (["disk", "info", "/dev/null"], "special file")):
        said_is = v.fails(2, *wrong)
        assert said in said_is, said_is
    assert "Did you mean" not in v.fails(2, "nope")


def test_formats(d):
    v = make(d, Vmctl(d))
    for verb in ("list", "list --trash", "show vm1", "settings", "job list", "image list",
                 "net list", "net leases", "stats", "stats vm3", "list --filter state=paused"):
        words = verb.split()
        one = ["--count", "1"] if words[0] == "stats" else []
        text = v.out(*words, *one, "--format", "json")
        whole = json.loads(text)
        assert whole["schema"] == 1 and len(whole) == 2, text
        rows = next(value for key, value in whole.items() if key != "schema")
        lines = v.out(*words, *one, "--format", "jsonl").splitlines()
        assert len(lines) == len(rows) or words[0] == "stats", verb
        for line in lines:
            assert line.startswith("{") and json.loads(line), line
        table = list(csv.reader(io.StringIO(v.out(*words, *one, "--format", "csv"))))
        assert len(table) == len(rows) + 1, (verb, table)
        assert all(len(row) == len(table[0]) for row in table)
        if rows:
            assert list(rows[0]) == table[0], (verb, table[0])
    names = ["vm%d" % i for i in range(VMS)]
    assert v.out("list", "-q").split() == sorted(names)
    assert v.out("list", "-q", "--filter", "name=vm1*").split() == ["vm1", "vm10", "vm11"]
    assert v.out("list", "vm1*", "--fields", "name", "--no-headers").split() == [
        "vm1", "vm10", "vm11"]
    assert v.out("list", "--fields", "state,name", "--format", "csv", "vm3") == (
        "state,name\nrunning,vm3\n")
    v.fails(2, "list", "--fields", "name,nope")
    v.fails(2, "list", "--filter", "nope=1")
    v.fails(2, "list", "--format", "xml")
    v.fails(3, "show", "zz*")
    v.fails(7, "wait", "vm3", "--for", "stopped", "--timeout", "1")
    for wrong in ("x", "-1", "99999999999"):
        v.fails(2, "stop", "vm3", "--timeout", wrong)
    error = v.run("show", "nosuch", "--format", "json", status=3).stderr
    told = json.loads(error[error.index("{"):])
    assert told["code"] == "BTN-6101" and told["fix"], told


def test_outputs(d):
    """An output that takes no more is told, and a reader that has gone is none of our worries."""
    v = make(d, Vmctl(d))
    for words in (["list"], ["help"], ["completion", "bash"], ["list", "--format", "json"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            assert "No space" in v.run(*words, stdout=full, status=1).stderr
        closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", v.program, *words], env=v.env,
                                stderr=subprocess.PIPE, timeout=60)
        assert closed.returncode == 1 and b"BTN-2006" in closed.stderr, closed
        gone = subprocess.run(["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "sh", v.program,
                               *words], env=v.env, stderr=subprocess.PIPE, timeout=60)
        assert gone.returncode in (0, 141) and not gone.stderr, gone
    # What cannot be undone is not done without a terminal; on one, it is asked in good English.
    for name in ("vm1", "vm2"):
        v.out("delete", name)
    v.fails(2, "purge", "--all")
    master, slave = pty.openpty()
    asked = subprocess.Popen([v.program, "purge", "--all"], env=v.env, stdin=slave,
                             stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    said = ""
    while "[y/N]" not in said:
        said += os.read(master, 1000).decode()
    os.write(master, b"n\n")
    assert asked.wait(20) == 2, said
    assert "Delete 2 VMs in the trash for good, with all disks? [y/N]" in said, said
    os.close(master)


COMPLETE = """source /dev/stdin <<<"$SCRIPT"
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_WORDS[0]=$PROGRAM
_vmctl; printf '%s\\n' "${COMPREPLY[@]}" | sort -u
"""


def test_completion(d):
    v = make(d, Vmctl(d))
    script = v.out("completion", "bash")

    def complete(*words):
        result = subprocess.run(["bash", "-c", COMPLETE, "bash", "vmctl", *words], timeout=20,
                                env=dict(v.env, SCRIPT=script, PROGRAM=v.program),
                                stdout=subprocess.PIPE, text=True, check=True)
        return result.stdout.split()

    assert complete("sta") == ["start", "stats"]
    assert complete("net", "forward", "") == ["add", "list", "remove"]
    assert complete("start", "vm1") == ["vm1", "vm10", "vm11"]
    assert complete("list", "--format", "j") == ["json", "jsonl"]
    assert complete("list", "--fields", "me") == ["memory", "memory_min"]
    assert complete("list", "--fields", "name,sta") == ["name,state"]
    assert complete("list", "--sort", "cp") == ["cpus"]
    assert complete("set", "vm3", "cp") == ["cpus="]
    assert complete("set", "vm3") == ["vm3"]
    assert "port:" in complete("wait", "vm3", "--for", "")
    assert complete("wait", "vm3", "--for", "run") == ["running"]
    assert complete("completion", "z") == ["zsh"]
    for shell in ("bash", "zsh", "fish"):
        text = v.out("completion", shell)
        try:
            subprocess.run([shell, "-n"], input=text, text=True, check=True, timeout=20)
        except FileNotFoundError:
            print("# no %s to check its completion with" % shell)


if __name__ == "__main__":
    sys.exit(run_tests(globals()))

# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of octoblu.bluegreen for people at a keyboard, with the settings of a file `.oopsrc`."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

COLLECTION = Path(__file__).resolve().parent.parent
FILE = ".oopsrc"

SAMPLE = """\
{
  "application-name": "shop",
  "elb-name": "shop-elb",
  "bluegreen_namespace": "web",
  "bluegreen_image": "registry.example.com/shop:{{ bluegreen_commit }}",
  "bluegreen_container_port": 8080,
  "bluegreen_readiness_path": "/healthz"
}"""

# The keys of the first `oops`; those of CodeDeploy and S3 are accepted, and have nothing to say any more.
OLD_KEYS = {
    "application-name": "bluegreen_app",
    "elb-name": "bluegreen_load_balancer",
    "deployment-group": None,
    "s3-bucket": None,
}
# As variables of the file they would win over what was typed.
TYPED = ("bluegreen_action", "bluegreen_color", "bluegreen_commit")

# The summary is an "ok" of Ansible's default output: only what was skipped can be hidden.
OUTPUT = {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false", "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}


@dataclass(frozen=True)
class Command:
    """`takes` is written as a usage is: `commit` is needed, `[commit]` is not."""

    playbook: str
    does: str
    more: str
    takes: str = ""


COMMANDS = {
    "status": Command(
        "status",
        "show both colors: what they run, who is live, what is wrong",
        "Changes nothing. The last line says whether a rollback is possible, and to what.",
    ),
    "deploy": Command(
        "deploy",
        "bring a commit up on the idle color, prove it, switch to it",
        "The live color is not touched before the commit has been proven. When it is live already there is nothing"
        " to do. After a failure the same command does what is left to do.",
        "commit",
    ),
    "rollback": Command(
        "rollback",
        "switch back to the last good release",
        "It goes to the release that served before, unless a rollback has left that one. When the idle color does not"
        " hold it any more it is brought up there again first. With a commit, it goes to that one.",
        "[commit]",
    ),
    "stage": Command(
        "stage",
        "the first half of a deploy: up and proven, but nobody is sent there",
        "The commit is brought up on the idle color and proven. `oops off` shows it, `oops switch` makes it live.",
        "commit",
    ),
    "switch": Command(
        "switch",
        "the second half: send everybody to what was staged",
        "The idle color is proven again before the load balancer is pointed at it. With a commit, it refuses to"
        " switch to any other one.",
        "[commit]",
    ),
    "off": Command(
        "preview",
        "show the idle color on the preview listener or load balancer",
        "Only the preview is pointed at the idle color: those who use the application do not notice.",
    ),
    "list": Command(
        "list",
        "list the releases that can be deployed, and what happened",
        "Changes nothing.",
    ),
    "repair": Command(
        "repair",
        "bring a drifted load balancer wholly onto one color",
        "Without a color a swap that was cut off is undone, or finished where only that is possible, and other"
        " drift is mended on the live color. Name the color when the load balancer points at both.",
        "[color]",
    ),
    "retire": Command(
        "retire",
        "scale the idle color to zero",
        "It frees what the idle color uses. A rollback then takes longer, because it brings the color up again first.",
    ),
    "unlock": Command(
        "unlock",
        "free the lock of a run that is dead",
        "`oops status` says who holds the lock, and since when. A run that is alive stops at its next phase.",
    ),
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "commit": {"help": "the release, as it is tagged: 4f2a91c"},
    "color": {"choices": ("blue", "green"), "help": "the color to bring it onto"},
}

DESCRIPTION = """\
An application runs twice, as blue and as green, and the load balancer sends everybody to one of them.
A new release goes to the idle one, is proven there, and then the load balancer is pointed at it; the
release before stays as it is, so that going back is one switch.
"""

LESSON = """\
A session:
  $ oops status                    # blue is live and runs 1a1a1a1
  $ oops deploy 4f2a91c --check    # the plan, with nothing done
  $ oops deploy 4f2a91c            # green runs it, and is live now
  $ oops rollback                  # oops! blue is live again

In two steps, with a look in between:
  $ oops stage 4f2a91c
  $ oops off                       # the preview shows it, nobody else sees it
  $ oops switch

`oops COMMAND --help` tells more about one command. What stands after `--` is for ansible-playbook:
  $ oops deploy 4f2a91c -- -vv
"""

ABOUT_FILE = f"""\
{FILE} is JSON in the folder of your application or above it: the nearest one counts. It names the
application and its load balancer, and may hold any variable of the role, as `ansible-doc -t role
octoblu.bluegreen.bluegreen` shows them:

{SAMPLE}
"""


class Refused(Exception):
    """What is wrong, as one sentence; with what helps, where there is more to say."""


def main(words: Sequence[str]) -> int:
    own, theirs = split(words)
    try:
        parser = make_parser()
        options = parser.parse_args(own)
        if options.command is None:
            parser.print_help()
            return 2
        run(options, theirs)
    except (Refused, OSError) as refused:
        print(f"oops: {refused}", file=sys.stderr)
        return 2


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our arguments, and what stands behind the first `--`."""
    at = words.index("--") if "--" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def make_parser() -> argparse.ArgumentParser:
    used = find_file()
    here = f"Used here: {used}" if used else f"Here there is none, from {Path.cwd()} up."
    parser = argparse.ArgumentParser(
        prog="oops",
        description=DESCRIPTION,
        epilog=f"{LESSON}\n{ABOUT_FILE}\n{here}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.does,
            description=textwrap.fill(f"{command.does[0].upper()}{command.does[1:]}. {command.more}", 100),
            # A path that is broken in two cannot be copied.
            epilog=here,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command.takes:
            argument = command.takes.strip("[]")
            needed = argument == command.takes
            one.add_argument(argument, nargs=None if needed else "?", **ARGUMENTS[argument])
        one.add_argument("--check", action="store_true", help="show the plan, and change nothing")
        one.add_argument(
            "-v", "--verbose", action="store_true", help=f"say which {FILE} and command are used"
        )
    return parser


def run(options: argparse.Namespace, theirs: Sequence[str]) -> NoReturn:
    """Become ansible-playbook: its signals and its exit code are ours."""
    file = find_file()
    if file is None:
        raise Refused(f"there is no {FILE} in {Path.cwd()}, nor in a folder above it.\n\n{ABOUT_FILE}")
    command = COMMANDS[options.command]
    variables = read_variables(file)
    typed = command.takes.strip("[]")
    if typed and getattr(options, typed) is not None:
        variables[typed] = getattr(options, typed)
    ansible = find_ansible()
    # A file and not the command line, which everybody on the machine can read; and one with a name, because
    # Ansible follows links before it reads, and does not find what /dev/fd leads to.
    handle, path = tempfile.mkstemp(prefix="oops-", suffix=".json")
    remove_in_the_end(path)
    with open(handle, "w", encoding="utf-8") as given:
        json.dump(variables, given)
    arguments = [
        ansible,
        # One application, however many hosts an inventory of the surroundings has.
        *("--inventory", "localhost,"),
        *("--extra-vars", f"@{path}"),
        *(("--check", "--diff") if options.check else ()),
        *theirs,
        str(COLLECTION / "playbooks" / f"{command.playbook}.yml"),
    ]
    if options.verbose:
        print(f"oops: {file}\noops: {shlex.join(arguments)}", file=sys.stderr, flush=True)
    os.execve(ansible, arguments, OUTPUT | os.environ)


def remove_in_the_end(path: str) -> None:
    """Have a file removed when this process, or what it has become by then, ends in whatever way."""
    kept, held = os.pipe()
    if os.fork():
        os.close(kept)
        os.set_inheritable(held, True)
        return
    try:
        # Ctrl-C and a closed terminal are not for the one who waits.
        os.setsid()
        os.close(held)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nowhere, standard)
        os.read(kept, 1)
    finally:
        os.unlink(path)
        os._exit(0)


def find_file() -> Path | None:
    here = Path.cwd()
    return next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)


def read_variables(file: Path) -> dict[str, Any]:
    """The role's variables, from the file's keys."""
    settings = read_settings(file)
    refuse_unknown(file, settings)
    variables = {"bluegreen_namespace": "default"}
    variables |= {key: value for key, value in settings.items() if key not in OLD_KEYS}
    for old, new in OLD_KEYS.items():
        if new is None or old not in settings:
            continue
        name = settings[old]
        if not isinstance(name, str) or not name:
            raise Refused(f"{file}: {old} has to be a name, and is {json.dumps(name)}.")
        given = variables.setdefault(new, name)
        # A load balancer may be described by more than its name.
        if name not in (given, given.get("name") if isinstance(given, dict) else None):
            raise Refused(f"{file}: {old} is {json.dumps(name)}, but {new} is {json.dumps(given)}.")
    missing = [f"{old} (or {new})" for old, new in OLD_KEYS.items() if new and not variables.get(new)]
    if missing:
        raise Refused(f"{file}: {' and '.join(missing)} is missing.\n\n{ABOUT_FILE}")
    return variables


def read_settings(file: Path) -> dict[str, Any]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=without_twins)
    except json.JSONDecodeError as error:
        where = f"{file}, line {error.lineno}, column {error.colno}"
        raise Refused(f"{where}: this is not JSON: {error.msg}.\n\n{ABOUT_FILE}") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{file}: byte {error.start} is not UTF-8.\n\n{ABOUT_FILE}") from None
    except TwoOfAKind as error:
        raise Refused(f"{file}: {error} is given twice.") from None
    if not isinstance(settings, dict):
        raise Refused(f"{file}: this is not an object, {{...}}.\n\n{ABOUT_FILE}")
    return settings


class TwoOfAKind(Exception):
    """A key that stands twice in one object, of which JSON would take the last."""


def without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _value in pairs]
    if twins := [name for name in names if names.count(name) > 1]:
        raise TwoOfAKind(twins[0])
    return dict(pairs)


def refuse_unknown(file: Path, settings: Mapping[str, Any]) -> None:
    known = [*OLD_KEYS, *role_variables()]
    for key in settings:
        if key in TYPED:
            raise Refused(f"{file}: {key} does not belong here: it is said by the command.")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"the nearest is {near[0]}" if near else f"there are {', '.join(OLD_KEYS)} and the role's"
            raise Refused(f"{file}: nothing is called {key}; {hint}.")


def role_variables() -> list[str]:
    """By how the file is laid out: Python cannot read YAML by itself."""
    specs = (COLLECTION / "roles" / "bluegreen" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return [name for name in re.findall(r"^ {6}(bluegreen_\w+):$", specs, re.MULTILINE) if name not in TYPED]


def find_ansible() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("ansible-playbook", path=str(beside)) or shutil.which("ansible-playbook")
    if found is None:
        raise Refused(
            f"ansible-playbook is neither in {beside} nor in PATH; `pip install ansible-core"
            f" -r {COLLECTION / 'requirements.txt'}` brings it, and what the collection needs."
        )
    return found


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

"""The command line: parse, call, print. Nothing is decided here, and nothing heavy imported before it is needed."""

from __future__ import annotations

import difflib
import errno
import io
import os
import sys
from importlib import import_module
from typing import Any

import click

from tpproof.cli import status
from tpproof.cli.output import escaped, report
from tpproof.errors import TpproofError

_COMMANDS = {
    "prove": ("tpproof.cli.prove", "Prove a network; write its certificate, HTML and LaTeX."),
    "check": ("tpproof.cli.check", "Check certificates with the independent checker."),
    "kernel": ("tpproof.cli.kernel", "The limit kernel as numbers, each with its error."),
    "crosscheck": ("tpproof.cli.crosscheck", "Finite networks against every equation of the proof."),
    "paths": ("tpproof.cli.inspect", "The paths, their isomorphism classes, every ⟨p,q⟩."),
    "unroll": ("tpproof.cli.inspect", "The program of T steps of SGD, as in Algorithm 1."),
    "show": ("tpproof.cli.inspect", "The parsed, reduced program."),
    "draw": ("tpproof.cli.draw", "The program in the graphical notation of the paper: SVG, TikZ, PDF, PNG."),
    "zoo": ("tpproof.cli.inspect", "List the built-in architectures, or print one."),
}
_NO_ROOM = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)
_LATER = ("claim",)


class _Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LATER:
            return _later(cmd_name)
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(_COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        close = difflib.get_close_matches(args[0], [*_COMMANDS, *_LATER], 1)
        if args[0] not in _COMMANDS and args[0] not in _LATER:
            hint = f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(_COMMANDS)}."
            ctx.fail(f"No such command {args[0][:60]!r}.{hint}")
        return super().resolve_command(ctx, args)


def _later(name: str) -> click.Command:
    """A command that users may look for and that this version does not have."""

    def refuse() -> None:
        raise TpproofError("E141", f"the command {name}", f"one of {', '.join(_COMMANDS)}")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, context_settings=settings, help="Not in this version.")


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from tpproof import __version__

        click.echo(f"tpproof {__version__}")
        context.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
def main() -> None:
    """Prove infinite-width training dynamics of neural networks (Tensor Programs IIb).

    NET is a .tp file, a .json canonical program, a certificate (its network), zoo:NAME, or - for standard input.

    Exit status: 0 it holds; 1 it does not; 2 bad usage or unreadable input; 3 nothing is claimed; 4 accepted as
    stated; 70 an error of ours.
    """


def run(arguments: list[str] | None = None) -> None:
    """The console script: every failure becomes one message and an exit status."""
    sys.exit(_status(arguments))


def _status(arguments: list[str] | None) -> int:
    try:
        result = main.main(args=arguments, prog_name="tpproof", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else status.HOLDS
    except TpproofError as error:
        click.echo("\n".join([report(error), *map(escaped, _notes(error))]), err=True)
        return status.status_of(error)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(escaped(shown.getvalue(), "\n"), err=True, nl=False)
        return status.BAD_USAGE
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo(f"interrupted: {escaped('; '.join(_notes(error))) or 'nothing was written'}", err=True)
        return status.INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away
        _abandon_output()
        return status.OUR_ERROR
    except OSError as error:
        if error.filename is not None or error.errno not in _NO_ROOM:
            return _ours(error)
        _abandon_output()
        unwritten = TpproofError("E140", f"standard output: {error.strerror}", "room for it")
        click.echo(unwritten.report(), err=True)
        return status.status_of(unwritten)
    except MemoryError:
        click.echo(TpproofError("E104", "the memory of this machine", "a smaller network").report(), err=True)
        return status.NOTHING_CLAIMED
    except Exception as error:
        return _ours(error)


def _ours(error: Exception) -> int:
    """An error that should not be."""
    if os.environ.get("TPPROOF_DEBUG"):
        raise error
    text = f"error of ours: {type(error).__name__}: {escaped(str(error)[:300])}"
    click.echo(f"{text}\n  please report it (TPPROOF_DEBUG=1 shows where it happened)", err=True)
    return status.OUR_ERROR


def _abandon_output() -> None:
    """What is left of it goes nowhere; else Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _notes(error: BaseException | None) -> list[str]:
    """What an error, or the one behind it, says of how to go on."""
    own = getattr(error, "__notes__", [])
    return [*own] if own or error is None else _notes(error.__cause__)

"""Which plan a collection takes and why, what that was estimated to take, and what it took: in a language's sentences.

Said by the command line and the page alike. Chooses and measures nothing.
"""

from __future__ import annotations

from gblm_viz.amounts import format_bytes, format_duration
from gblm_viz.core.sums.estimate import Actual, Choice, PlanEstimate
from gblm_viz.words import Words, join_sentences


def estimate_sentence(say: Words, choice: Choice) -> str:
    """Plan, reason, time, memory with its largest part, and disk where a folder is written."""
    one, room = choice.chosen, choice.room.memory
    known = "anywhere" if room is None and choice.why == "fits" else choice.why
    why = say(f"plan.why.{known}", whole=format_bytes(say, choice.whole.memory),
              room=format_bytes(say, max(0, room or 0)))
    part, size = one.largest
    said = [say("plan.before", plan=say(f"plan.names.{one.plan}"), why=why, time=format_duration(say, one.seconds),
                memory=format_bytes(say, one.memory), largest=say(f"plan.parts.{part}"), size=format_bytes(say, size))]
    if one.disk_peak > one.disk:
        said.append(say("plan.before_disk_peak", done=format_bytes(say, one.disk),
                        most=format_bytes(say, one.disk_peak)))
    elif one.disk:
        said.append(say("plan.before_disk", done=format_bytes(say, one.disk)))
    return join_sentences(said)


def cost_sentence(say: Words, guess: PlanEstimate, actual: Actual) -> str:
    """The estimate and, beside each of its figures, what was measured."""
    parts = [say("plan.time", guess=format_duration(say, guess.seconds), taken=format_duration(say, actual.seconds)),
             say("plan.memory", guess=format_bytes(say, guess.memory),
                 taken=say("plan.unknown") if actual.memory is None else format_bytes(say, actual.memory))]
    if actual.disk is not None:
        parts.append(say("plan.disk", guess=format_bytes(say, guess.disk), taken=format_bytes(say, actual.disk)))
    return say("plan.beside", parts=say("plan.between").join(parts))

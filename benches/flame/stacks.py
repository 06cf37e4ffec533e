"""From samples to stacks, a picture and a table."""

import collections
import os
import pathlib
import re
import subprocess

from compare.failure import Failed

TASK = "tokio::runtime::task::raw::poll"
# Functions in C and assembler, by their names.
C_PARTS = [
    ("aws-lc", r"aws_lc|25519|nistz|ecp_|bignum|p256|p384|gcm|aes|sha\d|HMAC|Lpoint"),
    ("jemalloc", r"_rje|rallocx|^(m|c|re)alloc$|^s?dallocx|^free$|^arena_|^tcache_|^edata_"),
    ("memory copied or compared", r"mem(move|cpy|cmp|set|chr)"),
    ("other C", ""),
]


def fold(recorded, inferno):
    """The result of `counted` for perf's samples."""
    script = subprocess.Popen(["perf", "script", "--no-inline", "-i", recorded], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    done = subprocess.run([_program(inferno, "inferno-collapse-perf"), "--kernel"], stdin=script.stdout, capture_output=True, text=True)
    script.stdout.close()
    if script.wait() or done.returncode:
        raise Failed(f"inferno-collapse-perf: {done.stderr[-1500:]}")
    folded, parts = counted(done.stdout.splitlines())
    if not folded:
        raise Failed("perf saw nothing")
    return folded, parts


def counted(lines):
    """{stack, from the outermost function to the innermost: µs of CPU}, and {part of the program: µs that it was itself at work}, of lines
    `FUNCTION;FUNCTION NANOSECONDS`, the outermost first."""
    folded, parts = collections.Counter(), collections.Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        names = stack.split(";")
        folded[_within_task(tuple(_short(name) for name in names))] += int(count) // 1000
        parts[_part(names[-1])] += int(count) // 1000
    return folded, parts


def _part(name):
    """The kernel, or the crate of a function; a function without a crate is C."""
    if name.endswith("_[k]"):
        return "kernel"
    if "::" in name:
        return re.match(r"[<&\[\]*]*(?:dyn |mut )*(\w*)", name)[1] or "Rust"
    return next(part for part, pattern in C_PARTS if re.search(pattern, name))


def _within_task(stack):
    """Cut the frames outside of the task: they are always the same, and missing if the stack was too large to keep."""
    found = [number for number, name in enumerate(stack) if name == TASK]
    return stack[found[0] :] if found else tuple(name for name in stack if name != "[unknown]")


def _program(folder, name):
    return os.path.join(folder, name) if folder else name


def _short(name):
    """A function's name without the hash at its end and the paths of generic arguments, which are longer than a line."""
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    name = re.sub(r"_\[k\]$", "", name)
    while (inner := re.sub(r"<([^<>]*)>", lambda found: _argument(found[1]), name)) != name:
        name = inner
    return name.replace("‹", "<").replace("›", ">")


def _argument(text):
    """`<a::B as c::D>` is B's D; other arguments say little and are left out."""
    parts = text.split(" as ")
    if len(parts) == 2:
        return "‹" + " as ".join(part.strip().split("::")[-1] for part in parts) + "›"
    return "‹" + text.strip().split("::")[-1] + "›" if "::" in text and "," not in text else ""


def draw(folded, picture, title, inferno, least):
    """An SVG, and its stacks in words beside it; `least` is the percentage of the width below which a function is not drawn."""
    text = "".join(f"{';'.join(stack)} {count}\n" for stack, count in sorted(folded.items()))
    command = [_program(inferno, "inferno-flamegraph"), "--title", title, "--hash", "--countname", "µs of CPU", "--minwidth", str(least)]
    pathlib.Path(picture).with_suffix(".txt").write_text(text)
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"inferno-flamegraph: {done.stderr[-1500:]}")
    pathlib.Path(picture).write_text(done.stdout)


def table(folded, parts, rows):
    """The parts of the program, and the functions with the largest shares, by themselves and with what they call."""
    total, own, whole = folded.total(), collections.Counter(), collections.Counter()
    for stack, count in folded.items():
        own[stack[-1]] += count
        for name in set(stack):
            whole[name] += count
    lines = [f"{total / 1e6:.1f} s of CPU", "   self   part"]
    lines += [f"  {count / total:5.1%}   {name}" for name, count in parts.most_common() if count > total / 200]
    lines += ["", "   self   with callees   function"]
    shown = dict.fromkeys([name for name, _ in own.most_common(rows)] + [name for name, _ in whole.most_common(rows)])
    for name in sorted(shown, key=lambda name: (-own[name], -whole[name])):
        lines.append(f"  {own[name] / total:5.1%}   {whole[name] / total:12.1%}   {name[:140]}")
    return "\n".join(lines)

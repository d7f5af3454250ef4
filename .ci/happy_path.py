"""The happy path on a running sandbox over its control API: from `/repo create` to a rollback.

    cargo sandbox --headless > ready.json &
    python3 .ci/happy_path.py ready.json

Needs only Python's standard library and git. Every wait is for a condition, with a deadline.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE = 120
# The sandbox is on this machine: do not use the environment's proxy.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """The happy path failed."""


class World:
    """A sandbox, from the line that it prints when it is ready."""

    def __init__(self, line, report=print):
        self.line, self.report = line, report
        self.ann, self.bob, self.cyd, self.eve = line["users"][:4]
        self.channel = line["channel"]

    def request(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.line["page"] + path, data, {"content-type": "application/json"})
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{path}: {error.code} {error.read().decode()}") from error

    def messages(self):
        return self.request(f"/control/messages?channel={self.channel}")["messages"]

    def last(self):
        return max((message["ts"] for message in self.messages()), default="")

    def wait(self, since, line, wanted):
        """The newest own message of the command's operation, once its metadata has the wanted status."""
        end = time.monotonic() + PATIENCE
        # A message shows a reason apart from the command.
        line = " ".join(line.split()[:3])
        while True:
            found = [message for message in self.messages() if message["ts"] > since and line in str(message["blocks"])]
            found = [message for message in found if status(message)]
            if found and status(found[-1]) == wanted:
                return found[-1]
            seen = [(status(message), message["text"]) for message in found]
            if time.monotonic() > end or found and status(found[-1]) in ("succeeded", "failed", "stuck"):
                raise Failed(f"`{line}` is not {wanted}: {seen}")
            time.sleep(0.1)

    def command(self, user, line, wanted="succeeded"):
        """Types a command, and waits until its operation has the wanted status."""
        name, _, text = line.partition(" ")
        since = self.last()
        began = time.monotonic()
        command = {"user": user, "channel": self.channel, "command": name, "text": text}
        answer = self.request("/control/command", command)
        if answer["http_status"] != 200:
            raise Failed(f"{line}: {answer}")
        message = self.wait(since, line, wanted)
        title = message["text"].partition("\n")[0]
        self.report(f"  {line:34} ack {answer['ack_ms']:>3} ms, {time.monotonic() - began:4.1f} s: {title}")
        return message

    def promote(self, stage):
        """Ann promotes, Bob approves with the button."""
        since, line = self.last(), f"/promote orders {stage}"
        waiting = self.command(self.ann, line, "waiting")
        click = {"user": self.bob, "channel": self.channel, "ts": waiting["ts"], "action_id": "promotion.approve"}
        began = time.monotonic()
        self.request("/control/click", click)
        # The message still shows `waiting` for a moment.
        message = self.wait(since, line, "succeeded")
        title = message["text"].partition("\n")[0]
        self.report(f"  {'  Approve, by bob':46} {time.monotonic() - began:4.1f} s: {title}")

    def curl(self, stage, text):
        """Waits until the stage's URL responds with the text: AWS shows a change some seconds late."""
        url = self.line["stages"].replace("{pipeline}", "orders").replace("{stage}", stage)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with DIRECT.open(url, timeout=30) as answer:
                    body = answer.read().decode()
            except urllib.error.HTTPError as error:
                body = str(error)
            if text in body:
                return self.report(f"  curl {url}: {body.strip()}")
            if time.monotonic() > end:
                raise Failed(f"expected `{text}` in {body}")
            time.sleep(0.1)


def status(message):
    """The status of a message's operation, from the metadata; empty for other messages."""
    return ((message.get("metadata") or {}).get("event_payload") or {}).get("status", "")


def change(git):
    """As a developer: clone, change the greeting, push."""
    with tempfile.TemporaryDirectory() as folder:
        def run(*args):
            subprocess.run(["git", *args], cwd=folder, check=True, stdin=subprocess.DEVNULL, timeout=60)
        run("clone", "--quiet", f"{git}/orders", ".")
        path = pathlib.Path(folder, "src/service.py")
        path.write_text(path.read_text().replace("Hello", "Howdy"))
        run("-c", "user.name=Bob", "-c", "user.email=bob@example.com", "commit", "--quiet", "--all", "--message", "Say howdy")
        run("push", "--quiet")


def run(line, report=print):
    """Runs all of it; returns the seconds that it took and the number of messages in the channel."""
    world, began = World(line, report), time.monotonic()
    world.command(world.ann, "/repo create orders")
    world.command(world.ann, "/build orders")
    world.command(world.ann, "/deploy orders")
    world.curl("dev", "Hello")
    for stage in ("staging", "prod"):
        world.command(world.ann, f"/stage add orders {stage}")
    for stage in ("staging", "prod"):
        world.promote(stage)
    world.curl("prod", "Hello")
    change(line["git"])
    world.command(world.bob, "/build orders")
    world.command(world.bob, "/deploy orders")
    for stage in ("staging", "prod"):
        world.promote(stage)
    world.curl("prod", "Howdy")
    world.command(world.cyd, "/rollback orders prod too casual")
    world.curl("prod", "Hello")
    return time.monotonic() - began, len(world.messages())


if __name__ == "__main__":
    try:
        seconds, count = run(json.loads(pathlib.Path(sys.argv[1]).read_text()))
    except Failed as error:
        sys.exit(f"The happy path failed: {error}")
    print(f"The happy path: {seconds:.1f} s, {count} messages.")

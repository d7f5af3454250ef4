"""The story of issue 2, told to a running sandbox over its control API: from `/repo create` to a rollback.

    cargo sandbox --headless > ready.json &
    python3 .ci/story.py ready.json

Needs Python's standard library and git. Every wait is for a condition, with a deadline.
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
# Everything is on this machine: a proxy of the environment has no part in it.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """The story went another way."""


class World:
    """A sandbox, by the line it printed when it was ready."""

    def __init__(self, line, say=print):
        self.line, self.say = line, say
        self.ann, self.bob, self.cyd, self.eve = line["users"][:4]
        self.channel = line["channel"]

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.line["page"] + path, data, {"content-type": "application/json"})
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{path}: {error.code} {error.read().decode()}") from error

    def messages(self):
        return self.ask(f"/control/messages?channel={self.channel}")["messages"]

    def last(self):
        return max((message["ts"] for message in self.messages()), default="")

    def wait(self, since, *parts):
        """The message of an operation (not a reply), later than `since`, once all these words are in it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            news = [message for message in self.messages() if message["ts"] > since and message["thread_ts"] is None]
            for message in news:
                if all(part in message["text"] for part in parts):
                    return message
                if any(word in message["text"] for word in (" failed", " is void", " is stuck")):
                    raise Failed(message["text"])
            time.sleep(0.1)
        raise Failed(f"no message says {parts}; since then: {[message['text'] for message in news]}")

    def command(self, user, line, *parts):
        """Types a command, and waits for the message that says so."""
        name, _, text = line.partition(" ")
        since = self.last()
        began = time.monotonic()
        answer = self.ask("/control/command", {"user": user, "channel": self.channel, "command": name, "text": text})
        if answer["http_status"] != 200:
            raise Failed(f"{line}: {answer}")
        message = self.wait(since, *parts)
        said = message["text"].partition("\n")[0]
        self.say(f"  {line:34} ack {answer['ack_ms']:>3} ms, {time.monotonic() - began:4.1f} s: {said}")
        return message

    def promote(self, stage, release):
        """Ann asks, Bob approves with the button."""
        since = self.last()
        asked = self.command(self.ann, f"/promote orders {stage}", f"{release} from", f"to {stage} is waiting")
        click = {"user": self.bob, "channel": self.channel, "ts": asked["ts"], "action_id": "promotion.approve"}
        began = time.monotonic()
        self.ask("/control/click", click)
        done = self.wait(since, f"{release} from", f"to {stage} succeeded")
        said = done["text"].partition("\n")[0]
        self.say(f"  {'  Approve, by bob':46} {time.monotonic() - began:4.1f} s: {said}")

    def curl(self, stage, word):
        """The stage's URL, until its answer holds that word: AWS shows a stage that moved some seconds late."""
        url = self.line["stages"].replace("{pipeline}", "orders").replace("{stage}", stage)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with DIRECT.open(url, timeout=30) as answer:
                    body = answer.read().decode()
            except urllib.error.HTTPError as error:
                body = str(error)
            if word in body:
                return self.say(f"  curl {url}: {body.strip()}")
            if time.monotonic() > end:
                raise Failed(f"expected `{word}` in {body}")
            time.sleep(0.1)


def change(git):
    """As a developer: clone, change the handler and its test, push."""
    with tempfile.TemporaryDirectory() as folder:
        def run(*args):
            subprocess.run(["git", *args], cwd=folder, check=True, stdin=subprocess.DEVNULL, timeout=60)
        run("clone", "--quiet", f"{git}/orders", ".")
        for name in ("src/app.py", "tests/test_app.py"):
            path = pathlib.Path(folder, name)
            path.write_text(path.read_text().replace("Hello", "Howdy"))
        run("-c", "user.name=Bob", "-c", "user.email=bob@example.com", "commit", "--quiet", "--all", "--message", "Say howdy")
        run("push", "--quiet")


def tell(line, say=print):
    """The whole story; how long it took and how many messages the channel has."""
    world, began = World(line, say), time.monotonic()
    world.command(world.ann, "/repo create orders", "Creation of pipeline orders succeeded")
    world.command(world.ann, "/build orders", "Build #1 of orders succeeded")
    world.command(world.ann, "/deploy orders", "to dev as r1 succeeded")
    world.curl("dev", "Hello")
    for stage in ("staging", "prod"):
        world.command(world.ann, f"/stage add orders {stage}", f"Stage {stage} of orders succeeded")
    for stage in ("staging", "prod"):
        world.promote(stage, "r1")
    world.curl("prod", "Hello")
    change(line["git"])
    world.command(world.bob, "/build orders", "Build #2 of orders succeeded")
    world.command(world.bob, "/deploy orders", "to dev as r2 succeeded")
    for stage in ("staging", "prod"):
        world.promote(stage, "r2")
    world.curl("prod", "Howdy")
    world.command(world.cyd, "/rollback orders prod too casual", "from r2 to r1 succeeded")
    world.curl("prod", "Hello")
    return time.monotonic() - began, len(world.messages())


if __name__ == "__main__":
    try:
        seconds, count = tell(json.loads(pathlib.Path(sys.argv[1]).read_text()))
    except Failed as why:
        sys.exit(f"The story failed: {why}")
    print(f"The whole story: {seconds:.1f} s, {count} messages.")

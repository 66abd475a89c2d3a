"""What sealing a room costs: the same warm process opens rooms with every defence, and with none.

    python benchmarks/seal.py [--rooms 20]

Opens and ends empty rooms of each tier in turn, so that a busy machine slows all alike, and prints the medians in
milliseconds: until the room is sealed, until it is gone. A room without defences is forked from the same warm
process, so that the difference is the seal's alone. Asks for the tiers that this machine and user can have.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

from torchgrade.errors import RoomError
from torchgrade.model import Limits, Tier
from torchgrade.sandbox.policy import FULL, LANDLOCK, NONE, Policy
from torchgrade.sandbox.room import Zygote, make_request

KINDS = {"full": FULL, "landlock": LANDLOCK, "no defence": replace(NONE, tier=Tier.NONE)}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", type=int, default=20)
    rooms = parser.parse_args().rooms
    zygote = Zygote.start()
    zygote.wait_ready()
    try:
        times = measure(zygote, rooms)
    finally:
        zygote.close()
    print("| Room | opened, ms | opened and ended, ms |\n|---|---|---|")
    for name, seen in times.items():
        opened, ended = (1000 * statistics.median(column) for column in zip(*seen, strict=True))
        print(f"| {name} | {opened:.1f} | {ended:.1f} |")


def measure(zygote: Zygote, rooms: int) -> dict[str, list[tuple[float, float]]]:
    """(seconds until sealed, seconds until gone) of each room, by kind; kinds that cannot be had are left out."""
    times: dict[str, list[tuple[float, float]]] = {}
    for name, policy in KINDS.items():
        try:
            once(zygote, policy)  # warms up what is shared, and shows whether it can be had
        except RoomError as error:
            print(f"{name}: {error}")
        else:
            times[name] = []
    for _ in range(rooms):
        for name, seen in times.items():
            seen.append(once(zygote, KINDS[name]))
    return times


def once(zygote: Zygote, policy: Policy) -> tuple[float, float]:
    """Open and end one empty room."""
    request = make_request(policy, Limits(), wall_seconds=60)
    began = time.perf_counter()
    room = zygote.open(request)
    opened = time.perf_counter() - began
    room.end()
    return opened, time.perf_counter() - began


if __name__ == "__main__":
    main()

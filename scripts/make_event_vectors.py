#!/usr/bin/env python3
"""Writes runner/tensorboard/testdata/known.tfevents with TensorBoard's own writer (pip install tensorboard).

The test of package tensorboard compares the same events, written in Go, with these bytes.
"""
import os
import sys

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1700000000.25


def scalars(step, *pairs):
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in pairs]
    return Event(wall_time=TIME, step=step, summary=Summary(value=values))


def main():
    path = os.path.join(os.path.dirname(__file__), "..", "runner", "tensorboard", "testdata", "known.tfevents")
    events = [
        Event(wall_time=TIME, file_version="brain.Event:2"),
        Event(wall_time=TIME, step=1, session_log=SessionLog(status=SessionLog.START)),
        scalars(1, ("loss/step", 2.5)),
        scalars(2, ("loss/step", 1.25)),
        scalars(2, ("loss/epoch", 1.875), ("learning_rate", 0.001), ("images_per_second", 64.0)),
        scalars(2, ("accuracy/test", 93.75)),
    ]
    with open(path, "wb") as f:
        writer = RecordWriter(f)
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
    print(path, os.path.getsize(path), "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()

"""A record with a header whose name is no UTF-8 becomes a dead letter, and kills nobody.

In a process of its own, before the brokers that librdkafka has within itself: the client must not be asked
twice for the headers of such a record, or it ends the process.
"""

import json
import subprocess
import sys

SCRIPT = r"""
import ctypes, glob, json, os, sys
import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition
from fraud_core.avro import Encoder
from fraud_core.topics import topics
from fraud_detector.dead_letters import DeadLetter, Stage
from fraud_detector.deciding import _none
from fraud_detector.settings import DetectorSettings
from fraud_detector.writing import Writer
from fraud_local.values import headers

mock = Producer({"test.mock.num.brokers": 1, "log_level": 0})
(broker,) = mock.list_topics(timeout=30).brokers.values()
address = f"{broker.host}:{broker.port}"
mock.list_topics("t", timeout=30)

beside = os.path.dirname(os.path.dirname(confluent_kafka.__file__))
(path,) = glob.glob(beside + "/confluent_kafka.libs/librdkafka-*")
lib, text = ctypes.CDLL(path), ctypes.create_string_buffer(512)
lib.rd_kafka_conf_new.restype = lib.rd_kafka_new.restype = ctypes.c_void_p
conf = ctypes.c_void_p(lib.rd_kafka_conf_new())
lib.rd_kafka_conf_set(conf, b"bootstrap.servers", address.encode(), text, 512)
raw = ctypes.c_void_p(lib.rd_kafka_new(0, conf, text, 512))
TOPIC, VALUE, FLAGS, HEADER, PARTITION, COPY, END = 1, 4, 7, 9, 3, 2, 0
for value in (b"short", b"x" * 9_000):
    for name in (b"good", b"\xff\xfe"):
        lib.rd_kafka_producev(
            raw, TOPIC, ctypes.c_char_p(b"t"), PARTITION, ctypes.c_int32(0), FLAGS, COPY,
            VALUE, ctypes.c_char_p(value), ctypes.c_size_t(len(value)),
            HEADER, ctypes.c_char_p(name), ctypes.c_char_p(b"v"), ctypes.c_ssize_t(1), END,
        )
lib.rd_kafka_flush(raw, 30_000)

consumer = Consumer({"bootstrap.servers": address, "group.id": "g", "log_level": 0})
consumer.assign([TopicPartition("t", 0, 0)])
came = [message for message in consumer.consume(4, 30) if message.error() is None]
settings = DetectorSettings(
    topics={"max_message_bytes": 2_048},
    errors={"deadletterqueue": {"context": {"headers": {"enable": sys.argv[1] == "true"}}}},
)
names = topics(settings.topics)
limits = {topic.name: 4_096 for topic in (names.classified, names.alerts, names.dead_letters)}
writer = Writer(settings, names, Encoder("Decision", 1), Encoder("Decision", 2), limits)
letters = [DeadLetter(message, Stage.VALUE_CONVERTER, ValueError("odd")) for message in came]
written = writer.write(_none(), letters).letters
print(json.dumps([[(one.value or b"").decode()[:9], {n: (v or b"").decode() for n, v in one.headers}]
                  for one in written]))
[headers(message) for message in came]
consumer.close()
"""
NOTE = "__connect.errors.fraudstream.headers"
Found = list[tuple[str, dict[str, str]]]


def letters(*, context: bool) -> Found:
    """Value and headers of the letters of two short and two long records, the second of each unreadable."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(context).lower()],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: Found = json.loads(done.stdout)
    return found


def test_its_letter_goes_without_them_and_says_so_also_where_it_goes_without_the_record() -> None:
    found = letters(context=True)

    assert [value for value, _ in found] == ["short", "short", "", ""]
    assert [headers.get("good") for _, headers in found] == ["v", None, "v", None]
    assert [headers.get(NOTE, "").startswith("left out") for _, headers in found] == [
        False,
        True,
        False,
        True,
    ]


def test_without_context_headers_its_letter_is_the_record_alone() -> None:
    found = letters(context=False)[:2]

    assert [value for value, _ in found] == ["short", "short"]
    assert [headers for _, headers in found] == [{"good": "v"}, {}]

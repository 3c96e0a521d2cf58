"""The embedded stack as its users meet it: a real broker and a real registry on free ports."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from fraud_core.errors import StackError
from fraud_local.stack import Addresses, Stack, broker, ports, running
from fraud_local.stack.places import ServerPlaces
from fraud_local.stack.process import last_lines
from fraud_local.stack.service import Service
from fraud_local.stack.stack import prepared, say_on_stderr

STRING = Schema('"string"', "AVRO")
FREE_PORTS = ("--port", "0", "--registry-port", "0")
# Serves a stack until Ctrl-C arrives, and says then whether the broker still answers, even if late.
HOLDER = """
import sys
import time
from pathlib import Path
from fraud_local.stack import broker, running
with running(Path(sys.argv[1]), broker_port=0, registry_port=0) as stack:
    try:
        print(stack.broker.pid, stack.registry.pid, flush=True)
        while True:
            time.sleep(0.1)
    except KeyboardInterrupt:
        print(any(broker.answers(stack.addresses.bootstrap_servers) for _ in range(10)), flush=True)
"""


def make_topic(addresses: Addresses, name: str, **config: str) -> None:
    admin = AdminClient({"bootstrap.servers": addresses.bootstrap_servers})
    topic = NewTopic(name, num_partitions=1, replication_factor=1, config=config)
    admin.create_topics([topic])[name].result(30)


def produce(addresses: Addresses, topic: str, value: bytes, **settings: object) -> None:
    """Send one record, and return when the broker has it on behalf of all."""
    producer = Producer({"bootstrap.servers": addresses.bootstrap_servers, "acks": "all", **settings})
    failures: list[object] = []
    producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(30) == 0
    assert failures == []


def values(addresses: Addresses, topic: str) -> list[bytes]:
    """All committed records of a topic's one partition."""
    settings = {
        "bootstrap.servers": addresses.bootstrap_servers,
        "group.id": topic,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "fetch.message.max.bytes": 10_000_000,
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    read: list[bytes] = []
    try:
        while (message := consumer.poll(30)) is not None and message.error() is None:
            read.append(message.value() or b"")
        assert message is not None, "the end of the topic was not reached in 30 s"
    finally:
        consumer.close()
    return read


def stack_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from fraud_local.cli import main; main()", "stack", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def gone(pid: int) -> bool:
    """Wait until a process that is not our child has ended."""
    try:
        psutil.Process(pid).wait(60)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.fixture
def holder(stack: Stack, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that runs a stack in the foreground of a terminal of its own, and its servers' ids."""
    del stack  # it has downloaded what is needed, or this test is skipped
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "held")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    yield process, [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.communicate()


@pytest.fixture
def data_dir(stack: Stack, tmp_path: Path) -> Iterator[Path]:
    """A place for a detached stack, which is stopped after the test."""
    del stack
    path = tmp_path / "with a space, ünd more" / "data"
    yield path
    stack_command("down", "--data-dir", str(path))


def test_transactions_are_committed_or_never_seen(stack: Stack, topic_prefix: str) -> None:
    topic = f"{topic_prefix}tx"
    make_topic(stack.addresses, topic)
    producer = Producer({"bootstrap.servers": stack.addresses.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)

    producer.begin_transaction()
    producer.produce(topic, b"aborted")
    producer.abort_transaction(30)
    producer.begin_transaction()
    producer.produce(topic, b"committed")
    producer.commit_transaction(30)

    assert values(stack.addresses, topic) == [b"committed"]


def test_a_topic_that_nobody_made_is_an_error(stack: Stack, topic_prefix: str) -> None:
    with pytest.raises((KafkaException, AssertionError)):
        produce(stack.addresses, f"{topic_prefix}unknown", b"lost", **{"message.timeout.ms": 3000})

    names = (
        AdminClient({"bootstrap.servers": stack.addresses.bootstrap_servers}).list_topics(timeout=30).topics
    )
    assert f"{topic_prefix}unknown" not in names


def test_a_topic_may_take_messages_of_several_megabytes(stack: Stack, topic_prefix: str) -> None:
    topic = f"{topic_prefix}big"
    make_topic(stack.addresses, topic, **{"max.message.bytes": "8000000"})

    produce(stack.addresses, topic, bytes(6_000_000), **{"message.max.bytes": 8_000_000})

    assert [len(value) for value in values(stack.addresses, topic)] == [6_000_000]


def test_the_registry_speaks_confluents_language_and_checks_compatibility(
    stack: Stack, topic_prefix: str
) -> None:
    with SchemaRegistryClient({"url": stack.addresses.schema_registry_url}) as client:
        number = client.register_schema(f"{topic_prefix}value", STRING)

        assert client.get_schema(number).schema_str == STRING.schema_str
        assert client.get_config().compatibility_level == "BACKWARD"


def test_records_and_schemas_survive_kill_9_on_the_same_addresses(
    own_stack: Stack, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}kept"
    make_topic(own_stack.addresses, topic)
    produce(own_stack.addresses, topic, b"kept")
    with SchemaRegistryClient({"url": own_stack.addresses.schema_registry_url}) as client:
        number = client.register_schema(topic, STRING)

    own_stack.registry.kill()
    own_stack.broker.kill()
    assert not own_stack.broker.running
    own_stack.broker.start()
    own_stack.registry.start()

    assert values(own_stack.addresses, topic) == [b"kept"]
    with SchemaRegistryClient({"url": own_stack.addresses.schema_registry_url}) as client:
        assert client.get_schema(number).schema_str == STRING.schema_str


def test_each_server_can_be_stopped_and_started_by_itself(own_stack: Stack) -> None:
    url = own_stack.addresses.schema_registry_url

    own_stack.registry.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/subjects")
    assert broker.answers(own_stack.addresses.bootstrap_servers)
    own_stack.registry.start()

    assert httpx2.get(f"{url}/subjects").is_success


def checked_for_ever(stack: Stack) -> None:
    while True:
        stack.check()


def test_a_server_that_ended_by_itself_is_named_with_the_end_of_its_log(own_stack: Stack) -> None:
    assert own_stack.broker.pid is not None
    os.kill(own_stack.broker.pid, signal.SIGKILL)
    assert gone(own_stack.broker.pid or 0)

    with pytest.raises(
        StackError, match=r"(?s)Apache Kafka .* ended .*broker.log, ends with:.*Server started"
    ):
        checked_for_ever(own_stack)


def test_a_server_that_does_not_start_says_why(stack: Stack, tmp_path: Path) -> None:
    del stack
    jars = prepared(say_on_stderr)["broker"]
    places = ServerPlaces(jars, tmp_path / "none.aot", home=tmp_path, log=tmp_path / "broker.log")
    port, controller_port = ports.several_free(2)
    service = Service(broker.plan(places, port, controller_port))

    with (
        socket.create_server((ports.HOST, port)),
        pytest.raises(StackError, match=r"(?s)Apache Kafka .* ended with exit status 1.*already in use"),
    ):
        service.start()
    service.stop()


def test_two_stacks_on_one_directory_are_refused(stack: Stack) -> None:
    with (
        pytest.raises(StackError, match=r"already runs on .*fraudstream stack down"),
        running(stack.data_dir, broker_port=0, registry_port=0),
    ):
        pytest.fail("two stacks share a directory")


def test_no_server_outlives_a_parent_that_is_killed_and_its_directory_is_free_again(
    holder: tuple[subprocess.Popen[str], list[int]], tmp_path: Path
) -> None:
    process, servers = holder

    process.kill()

    assert [gone(pid) for pid in servers] == [True, True]
    with running(tmp_path / "held", broker_port=0, registry_port=0) as again:
        again.check()


def test_ctrl_c_in_the_terminal_leaves_the_servers_up_until_the_parent_has_left(
    holder: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, servers = holder

    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert said.strip() == "True"
    assert process.returncode == 0
    assert [psutil.pid_exists(pid) for pid in servers] == [False, False]


def test_a_temporary_stack_leaves_nothing_behind(stack: Stack) -> None:
    del stack
    with running(ephemeral=True, broker_port=0, registry_port=0) as short:
        directory = short.data_dir
        assert directory.exists()

    assert not directory.exists()


def test_up_returns_when_the_stack_is_ready_and_down_stops_it(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))

    up = stack_command("up", *where, *FREE_PORTS)
    status = stack_command("status", "--json", *where)
    again = stack_command("up", *where)
    down = stack_command("down", *where)
    after = stack_command("status", *where)

    state = json.loads(status.stdout)
    assert (up.returncode, status.returncode, again.returncode, down.returncode) == (0, 0, 0, 0)
    assert state["bootstrap_servers"] in up.stdout
    assert f"FRAUD_SCHEMA_REGISTRY__URL={state['schema_registry_url']}" in up.stdout
    assert again.stdout.startswith("The stack already runs.")
    assert down.stdout == f"Stopped. Topics and schemas stay in {data_dir}.\n"
    assert after.returncode == 3
    assert not psutil.pid_exists(state["broker_pid"])
    assert not psutil.pid_exists(state["registry_pid"])


def test_data_is_there_on_the_next_up_and_gone_with_fresh(data_dir: Path, topic_prefix: str) -> None:
    names = []
    for flags in ((), (), ("--fresh",)):
        stack_command("up", "--data-dir", str(data_dir), *FREE_PORTS, *flags)
        state = json.loads(stack_command("status", "--json", "--data-dir", str(data_dir)).stdout)
        addresses = Addresses(state["bootstrap_servers"], state["schema_registry_url"])
        admin = AdminClient({"bootstrap.servers": addresses.bootstrap_servers})
        names.append(set(admin.list_topics(timeout=30).topics))
        if not names[-1]:
            make_topic(addresses, f"{topic_prefix}kept")
        stack_command("down", "--data-dir", str(data_dir))

    assert names == [set(), {f"{topic_prefix}kept"}, set()]


def test_up_that_cannot_have_its_port_says_so_and_leaves_nothing(stack: Stack, data_dir: Path) -> None:
    port = stack.addresses.bootstrap_servers.rpartition(":")[2]

    up = stack_command("up", "--data-dir", str(data_dir), "--port", port)

    assert up.returncode == 1
    assert up.stderr.startswith(f"error: Port {port} on 127.0.0.1 is taken by another program")
    assert stack_command("status", "--data-dir", str(data_dir)).returncode == 3


def test_down_also_ends_a_stack_whose_process_was_killed_before(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))
    stack_command("up", *where, *FREE_PORTS)
    state = json.loads(stack_command("status", "--json", *where).stdout)

    os.kill(state["owner"], signal.SIGKILL)

    assert gone(state["broker_pid"])
    assert gone(state["registry_pid"])
    assert stack_command("down", *where).returncode == 0


def test_up_in_the_foreground_stays_until_it_is_told_to_end(data_dir: Path) -> None:
    command = "from fraud_local.cli import main; main()"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            command,
            *("stack", "up", "--foreground", "--data-dir", str(data_dir)),
            *FREE_PORTS,
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    while "Ctrl-C" not in (line := process.stdout.readline()):
        assert line

    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Topics and schemas stay in" in said


def test_a_server_that_dies_ends_the_stack_and_the_log_says_which(data_dir: Path) -> None:
    stack_command("up", "--data-dir", str(data_dir), *FREE_PORTS)
    state = json.loads(stack_command("status", "--json", "--data-dir", str(data_dir)).stdout)

    os.kill(state["broker_pid"], signal.SIGKILL)

    assert gone(state["owner"])
    assert gone(state["registry_pid"])
    assert "Apache Kafka" in last_lines(data_dir / "stack.log")

# Sourced by the other scripts here: where things are, and how a server is started and stopped.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/fraudstream/tools
run=${FRAUD_CLUSTER_DIR:-/var/tmp/fraudstream-cluster}
pki=$run/pki
bin=$run/bin

node=node
# Of an empty bridge: the API server's address in the cluster must not be loopback.
address=172.30.0.1
services=10.96.0.0/16
api=10.96.0.1
dns=10.96.0.10
pods=10.244.0.0/24

export PATH=$bin:$PATH KUBECONFIG=$run/kubeconfig DOCKER_HOST=unix://$run/docker.sock
socket=$run/containerd.sock
ctr="ctr --address $socket --namespace k8s.io"

# Not where it has ended and is only not waited for yet: some machines' first process takes seconds to do so.
running() { grep -qs '^State:[[:space:]]*[A-WYa-wy]' "/proc/$1/status"; }

alive() { [[ -f $run/pids/$1 ]] && running "$(<"$run/pids/$1")"; }

# start NAME COMMAND...: in the background, unless it runs.
start() {
  local name=$1
  shift
  alive "$name" && return
  setsid nohup "$@" >"$run/log/$name.log" 2>&1 </dev/null &
  echo $! >"$run/pids/$name"
}

# stop NAME: asks, and after ten seconds no longer asks.
stop() {
  alive "$1" || return 0
  local pid
  pid=$(<"$run/pids/$1")
  kill "$pid"
  for _ in {1..100}; do
    running "$pid" || break
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$run/pids/$1"
}

# until NAME COMMAND...: waits for a command to succeed, for as long as the server NAME lives and two minutes at most.
until_ok() {
  local name=$1
  shift
  for _ in {1..600}; do
    "$@" >/dev/null 2>&1 && return
    alive "$name" || break
    sleep 0.2
  done
  echo "$name is not ready; its log, $run/log/$name.log, ends with:" >&2
  tail -n 15 "$run/log/$name.log" >&2
  exit 1
}

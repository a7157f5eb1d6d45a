# Waits, at most a minute, while a boot or a run that died is just starting or stopping Docker. A daemon
# that ends again and again is waited for five seconds. Put into the scripts that look at it.
#
# Usage: docker_settled
set -u
docker_settled() {
  for try in $(seq 120); do
    # quiet: a systemctl that cannot be asked is told of by the look.
    # shellcheck disable=SC2046 # two words
    set -- $(systemctl show docker.service -p ActiveState -p SubState --value 2>/dev/null)
    case "$*" in
    *auto-restart*) [ "$try" -le 10 ] && sleep 0.5 || return 0 ;;
    activating* | deactivating* | reloading*) sleep 0.5 ;;
    *) return ;;
    esac
  done
}

# Inside the Redis container: its running settings, and whether a key exists. redis-cli takes the
# password from the environment, as the health check does.
#
# Usage: sh -s KEY NAME...
# Prints: redis-password ok|refused
#         redis-onboarding 0|1           whether KEY exists
#         redis-setting NAME VALUE       for each NAME
set -u
key=$1
shift
printf 'PING\nEXISTS %s\nCONFIG GET %s\n' "$key" "$*" | redis-cli 2>&1 | {
  password=ok
  read -r line
  case $line in "AUTH failed"*)
    password=refused
    read -r line
    ;;
  esac
  echo "redis-password $password"
  [ "$line" = PONG ] || exit 0
  read -r line
  echo "redis-onboarding $line"
  while read -r name && read -r value; do echo "redis-setting $name $value"; done
}

# A code for the phone that is to be paired, or how the connection is by now.
#
# Usage: evolution_pair INSTANCE NUMBER SEEN SECONDS
# The arguments are those of evolution_pair.js. Prints `pairing JSON`.
set -u
export LC_ALL=C
program='
@evolution_pair.js@
'
timeout $(($4 + 60)) docker exec evolution node -e "$program" "$1" "$2" "$3" "$4" ||
  echo 'pairing {"error": "no answer from inside the container evolution"}'

# Replaces every value that .env holds by stars: for logs that go to the operator's terminal.
# Usage: awk "$mask" part=env /opt/borgstack/.env part=log -
function masked(line,    i, at) {
  for (i = 1; i <= values; i++)
    while ((at = index(line, hidden[i])) > 0)
      line = substr(line, 1, at - 1) "*****" substr(line, at + length(hidden[i]))
  return line
}
part == "env" {
  parse($0)
  if (NAME != "" && NAME !~ /^(DOMAIN|CADDY_EMAIL|[A-Z0-9]+_HOST)$/ && length(VALUE) >= 6)
    hidden[++values] = VALUE
  next
}
{ print masked($0) }

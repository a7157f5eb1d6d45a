# Prints the API token of a .env, and nothing where there is none or only a placeholder.
@env.awk@
{ parse($0) }
NAME == "CHATWOOT_API_TOKEN" && !blank(VALUE) { token = VALUE }
END { printf "%s", token }

# Prints one value of a .env, and nothing where there is none or only a placeholder. The operand
# wanted=NAME before the file says which.
@env.awk@
{ parse($0) }
NAME == wanted && !blank(VALUE) { found = VALUE }
END { printf "%s", found }

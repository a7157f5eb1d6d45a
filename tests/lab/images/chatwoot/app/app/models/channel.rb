# Namespace of the channel models.
module Channel
end

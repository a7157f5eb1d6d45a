# Passwords, tokens and keys do not reach the log.
Rails.application.config.filter_parameters += %i[passw token secret _key]

# Mail as the environment says (facts 6). Traps: without SMTP_ADDRESS it goes to a sendmail that the image does not
# have, so the job fails in Sidekiq and nobody hears of it; a certificate that is not trusted is an error as well.
Rails.application.configure do
  flag = ->(name, default) { ActiveModel::Type::Boolean.new.cast(ENV.fetch(name, default)) }

  config.action_mailer.default_url_options = { host: ENV.fetch('FRONTEND_URL', 'localhost') }
  config.action_mailer.deliver_later_queue_name = :mailers
  config.action_mailer.raise_delivery_errors = true
  config.action_mailer.delivery_method = ENV['SMTP_ADDRESS'].present? ? :smtp : :sendmail
  config.action_mailer.smtp_settings = {
    address: ENV.fetch('SMTP_ADDRESS', 'localhost'), port: ENV.fetch('SMTP_PORT', 587).to_i,
    domain: ENV['SMTP_DOMAIN'].presence, user_name: ENV['SMTP_USERNAME'].presence, password: ENV['SMTP_PASSWORD'].presence,
    authentication: ENV['SMTP_AUTHENTICATION'].presence&.to_sym, enable_starttls_auto: flag.call('SMTP_ENABLE_STARTTLS_AUTO', true),
    openssl_verify_mode: ENV['SMTP_OPENSSL_VERIFY_MODE'].presence, tls: flag.call('SMTP_TLS', nil), ssl: flag.call('SMTP_SSL', nil)
  }.compact
end

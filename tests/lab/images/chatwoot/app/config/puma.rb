# Puma: one process unless WEB_CONCURRENCY says otherwise (facts 6).
max = ENV.fetch('RAILS_MAX_THREADS', 5).to_i
threads ENV.fetch('RAILS_MIN_THREADS', max).to_i, max
port ENV.fetch('PORT', 3000)
environment ENV.fetch('RAILS_ENV', 'production')
workers ENV.fetch('WEB_CONCURRENCY', 0).to_i
preload_app! if ENV.fetch('WEB_CONCURRENCY', 0).to_i.positive?

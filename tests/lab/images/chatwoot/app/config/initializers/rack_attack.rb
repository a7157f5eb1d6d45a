# Upstream's limits, per client address or account (facts 8), counted in Redis under velma:. Who is over a limit gets
# 429. This machine itself and RACK_ATTACK_ALLOWED_IPS are exempt. Without Redis nothing is limited.
Rails.application.config.to_prepare do
  Rack::Attack.enabled = ActiveModel::Type::Boolean.new.cast(ENV.fetch('ENABLE_RACK_ATTACK', true))
  Rack::Attack.cache.store = Rack::Attack::StoreProxy::RedisProxy.new($velma)
end

posts = lambda do |path|
  ->(request) { request.ip if request.post? && request.path.delete_suffix('.json') == path }
end

Rack::Attack.safelist('exempt') do |request|
  ['127.0.0.1', '::1', *ENV.fetch('RACK_ATTACK_ALLOWED_IPS', '').split(',').map(&:strip)].include?(request.ip)
end

Rack::Attack.throttle('req/ip', limit: ENV.fetch('RACK_ATTACK_LIMIT', 3000).to_i, period: 60, &:ip)
Rack::Attack.throttle('login/ip', limit: 5, period: 300, &posts.call('/auth/sign_in'))
Rack::Attack.throttle('super_admin_login/ip', limit: 5, period: 300, &posts.call('/super_admin/sign_in'))
Rack::Attack.throttle('accounts/ip', limit: 5, period: 1800, &posts.call('/api/v1/accounts'))
Rack::Attack.throttle('contacts/search', limit: ENV.fetch('RATE_LIMIT_CONTACT_SEARCH', 100).to_i, period: 60) do |request|
  request.path[%r{\A/api/v1/accounts/(\d+)/contacts/search}, 1]
end
# Trap (facts 15): five visits an hour from one address, unless they say that they have been here.
Rack::Attack.throttle('widget', limit: 5, period: 3600) do |request|
  request.ip if request.path == '/widget' && request.params['cw_conversation'].blank?
end

# The two namespaced Redis handles: alfred (application state) and velma (rack-attack in the real one), facts 5.
# Connections are opened at first use, so the application boots without Redis.
namespaced = lambda do |name|
  ConnectionPool.new(size: ENV.fetch('REDIS_ALFRED_SIZE', 5).to_i, timeout: 1) do
    Redis::Namespace.new(name, redis: Redis.new(Redis::Config.app), warning: false)
  end
end

Rails.application.config.to_prepare do
  $alfred ||= ConnectionPool::Wrapper.new(pool: namespaced.call('alfred'))
  $velma ||= ConnectionPool::Wrapper.new(pool: namespaced.call('velma'))
end

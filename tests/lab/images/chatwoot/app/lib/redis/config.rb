# Where Redis is (facts 5): REDIS_URL, and a non-empty REDIS_PASSWORD that wins over the password in the URL.
# There is no REDIS_HOST and no REDIS_PORT. Sentinel is not part of the double.
module Redis::Config
  def self.app
    {
      url: ENV.fetch('REDIS_URL', 'redis://127.0.0.1:6379'),
      password: ENV.fetch('REDIS_PASSWORD', nil).presence,
      timeout: 1,
      reconnect_attempts: 2
    }.compact
  end
end

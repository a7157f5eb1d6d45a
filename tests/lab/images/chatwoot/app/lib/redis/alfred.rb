# The application's own Redis keys, under the prefix alfred: (facts 5). The onboarding flag lives here (facts 7).
module Redis::Alfred
  CHATWOOT_INSTALLATION_ONBOARDING = 'CHATWOOT_INSTALLATION_ONBOARDING'.freeze

  class << self
    def set(key, value, nx: false, ex: false)
      $alfred.set(key, value.to_s, nx: nx || nil, ex: ex || nil)
    end

    def setex(key, value, expiry = 1.day)
      $alfred.setex(key, expiry.to_i, value)
    end

    def get(key) = $alfred.get(key)
    def delete(key) = $alfred.del(key)
    def exists?(key) = $alfred.exists?(key)
    def lpush(key, values) = $alfred.lpush(key, values)
    def lrem(key, value, count = 0) = $alfred.lrem(key, count, value)
    def hset(key, field, value) = $alfred.hset(key, field, value)
    def hgetall(key) = $alfred.hgetall(key)
  end
end

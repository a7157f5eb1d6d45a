# Reads installation settings through a cache in Redis, so it needs Redis even for a row that is in the database.
# A row written with plain SQL stays unseen until the cache is cleared or a day has passed.
class GlobalConfig
  PREFIX = 'V1:GLOBAL_CONFIG'.freeze

  class << self
    def get(*names)
      names.to_h { |name| [name, get_value(name)] }.with_indifferent_access
    end

    def get_value(name)
      cached = $alfred.get("#{PREFIX}:#{name}")
      if cached.blank?
        cached = { value: InstallationConfig.find_by(name: name)&.value }.to_json
        $alfred.set("#{PREFIX}:#{name}", cached, ex: 1.day.to_i)
      end
      JSON.parse(cached)['value']
    end

    # Uses KEYS, which a locked-down Redis may refuse (facts 5).
    def clear_cache
      $alfred.keys("#{PREFIX}:*").each { |key| $alfred.del(key) }
    end
  end
end

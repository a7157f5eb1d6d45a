# Settings that may come from the environment. Trap (facts 6): the database row is asked first, and ConfigLoader has
# made one for every known name, so the environment counts only for names without a row. A stored boolean false
# is returned as the boolean false.
class GlobalConfigService
  def self.load(name, default)
    stored = GlobalConfig.get_value(name)
    return stored unless stored.nil?

    wanted = ENV.fetch(name, default)
    return if wanted.blank?

    row = InstallationConfig.where(name: name).first_or_create(value: wanted, locked: false)
    GlobalConfig.clear_cache
    row.value
  end
end

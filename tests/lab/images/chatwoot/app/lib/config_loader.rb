# Creates the InstallationConfig rows that are missing and leaves those that exist alone. It runs after every
# db:migrate and in the seeds (facts 2). Each new row clears the Redis cache, so Redis must be up then.
class ConfigLoader
  def process
    wanted.each do |entry|
      next if InstallationConfig.exists?(name: entry[:name])

      InstallationConfig.create!(name: entry[:name], value: entry[:value], locked: entry.fetch(:locked, true))
    end
  end

  private

  def wanted
    read('installation_config').map(&:symbolize_keys) +
      [{ name: 'ACCOUNT_LEVEL_FEATURE_DEFAULTS', value: read('features'), locked: true }]
  end

  def read(name)
    YAML.safe_load_file(Rails.root.join("config/#{name}.yml"))
  end
end

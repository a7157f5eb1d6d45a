# Prints upstream's harmless noise: on an empty database the log shows a rescued ERROR about installation_configs
# although the task goes well (facts 2). Judge by the exit code.
Rails.application.config.after_initialize do
  InstallationConfig.where(name: 'CAPTAIN_OPEN_AI_API_KEY').pick(:id)
rescue StandardError => e
  Rails.logger.error "Failed to configure AI Agents SDK: #{e.message}"
end

# One installation-wide setting. The value sits in a jsonb column as a *string of YAML*, as upstream writes it:
# do not read or write it with SQL. Each commit clears the Redis cache, so saving needs Redis (facts 2).
class InstallationConfig < ApplicationRecord
  serialize :serialized_value, coder: YAML, type: ActiveSupport::HashWithIndifferentAccess

  validates :name, presence: true, uniqueness: true
  after_commit -> { GlobalConfig.clear_cache }

  default_scope { order(created_at: :desc) }
  scope :editable, -> { where(locked: false) }

  def value
    # The column's default {} is no YAML; a new row has no value yet.
    return {}.with_indifferent_access if new_record? && !@value_set

    serialized_value[:value]
  end

  def value=(new_value)
    @value_set = true
    self.serialized_value = { value: new_value }.with_indifferent_access
  end
end

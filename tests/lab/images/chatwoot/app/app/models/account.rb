# A company. Its trigger makes the numbering sequences; its creation enqueues a job (facts 7).
class Account < ApplicationRecord
  include EventDispatching

  # Upstream's numbers; they are stored, so the order must not change. Two languages are switched off there.
  LOCALES = %w[en ar nl fr de hi it ja ko pt ru zh es ml ca el pt_BR ro ta fa zh_TW vi da tr cs fi id sv hu no zh_CN pl
               sk uk th lv is he lt sr bg].each_with_index.to_h.except('hi', 'zh').freeze

  enum :locale, LOCALES, prefix: true
  enum :status, { active: 0, suspended: 1 }
  store_accessor :settings, :auto_resolve_after, :auto_resolve_message, :auto_resolve_ignore_waiting

  has_many :account_users, dependent: :destroy
  has_many :users, through: :account_users
  has_many :inboxes, dependent: :destroy
  has_many :api_channels, class_name: 'Channel::Api', dependent: :destroy
  has_many :webhooks, dependent: :destroy
  has_many :contacts, dependent: :destroy
  has_many :conversations, dependent: :destroy
  has_many :labels, dependent: :destroy
  has_many :teams, dependent: :destroy

  validates :name, presence: true
  validates :domain, :support_email, length: { maximum: 100 }
  validates :auto_resolve_after, numericality: { in: 10..1_439_856 }, allow_nil: true

  before_create :enable_default_features
  after_destroy :drop_sequences

  def feature_enabled?(name)
    bit = features.index { |feature| feature['name'] == name.to_s }
    bit.present? && feature_flags[bit] == 1
  end

  def administrators = users.where(account_users: { role: :administrator })
  def agents = users.where(account_users: { role: :agent })
  def webhook_data = { id: id, name: name }

  private

  # Empty when db:chatwoot_prepare has not run: then no feature is on (facts 7).
  def features
    InstallationConfig.find_by(name: 'ACCOUNT_LEVEL_FEATURE_DEFAULTS')&.value || []
  end

  def enable_default_features
    features.each_with_index { |feature, bit| self.feature_flags |= 1 << bit if feature['enabled'] }
  end

  def drop_sequences
    %w[conv camp].each { |kind| self.class.connection.execute("DROP SEQUENCE IF EXISTS #{kind}_dpid_seq_#{id.to_i}") }
  end
end

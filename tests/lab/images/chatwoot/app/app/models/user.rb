# A person who signs in. Password rule, lower-cased mail, uid and confirmation as Devise sets them upstream (facts 7).
class User < ApplicationRecord
  include AccessTokenable
  include SessionTokens

  SPECIALS = "!@#$%^&*()_+-=[]{}|'".freeze
  PASSWORD_PARTS = {
    /[A-Z]/ => 'must contain at least 1 uppercase character',
    /[a-z]/ => 'must contain at least 1 lowercase character',
    /[0-9]/ => 'must contain at least 1 number',
    /[#{Regexp.escape(SPECIALS)}]/ => 'must contain at least 1 special character'
  }.freeze

  has_many :account_users, dependent: :destroy
  has_many :accounts, through: :account_users
  has_many :inbox_members, dependent: :destroy
  has_many :inboxes, through: :inbox_members
  has_many :team_members, dependent: :destroy
  has_many :teams, through: :team_members
  has_many :assigned_conversations, class_name: 'Conversation', foreign_key: :assignee_id, dependent: :nullify, inverse_of: :assignee
  has_secure_token :pubsub_token

  enum :availability, { online: 0, offline: 1, busy: 2 }

  attr_reader :password
  attr_accessor :password_confirmation

  before_validation :normalise
  validates :name, presence: true
  validates :email, presence: true, format: { with: /\A[^@\s]+@[^@\s]+\z/ }, uniqueness: true
  validates :password, presence: true, if: -> { encrypted_password.blank? }
  validates :password, length: { in: 6..128 }, allow_nil: true
  validates :password, confirmation: true, if: :password_confirmation
  validate :password_parts, if: :password
  before_create :expect_confirmation, unless: :confirmed?
  after_create_commit -> { ConfirmationMailer.confirmation_instructions(self, confirmation_token).deliver_later }, unless: :confirmed?

  def self.from_email(email) = find_by(email: email.to_s.downcase.strip)

  def password=(plain)
    @password = plain
    self.encrypted_password = BCrypt::Password.create(plain, cost: 11) if plain.present?
  end

  def valid_password?(plain)
    encrypted_password.present? && BCrypt::Password.new(encrypted_password) == plain
  end

  def skip_confirmation! = self.confirmed_at = Time.current
  def confirmed? = confirmed_at.present?
  def confirm = update(confirmed_at: confirmed_at || Time.current)

  def available_name = display_name.presence || name
  def push_event_data = { id: id, name: name, available_name: available_name, avatar_url: '', type: 'user', availability_status: availability, thumbnail: '' }
  def webhook_data = { id: id, name: name, email: email, type: 'user' }

  def as_profile
    {
      id: id, uid: uid, name: name, available_name: available_name, display_name: display_name, email: email,
      provider: provider, type: type, confirmed: confirmed?, pubsub_token: pubsub_token, ui_settings: ui_settings,
      custom_attributes: custom_attributes, access_token: access_token.token, account_id: account_users.first&.account_id,
      role: account_users.first&.role,
      accounts: account_users.includes(:account).map do |place|
        { id: place.account_id, name: place.account.name, status: place.account.status, role: place.role,
          permissions: [place.role], availability: place.availability, auto_offline: place.auto_offline }
      end
    }
  end

  private

  def normalise
    self.email = email.to_s.downcase.strip
    self.uid = email if provider == 'email'
  end

  def expect_confirmation
    assign_attributes(confirmation_token: SecureRandom.urlsafe_base64(15), confirmation_sent_at: Time.current)
  end

  def password_parts
    PASSWORD_PARTS.each { |pattern, complaint| errors.add(:password, complaint) unless password.match?(pattern) }
  end
end

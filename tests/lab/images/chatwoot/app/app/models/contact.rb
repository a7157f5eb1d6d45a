# A customer. Trap (facts 8): a phone number is unique by this rule alone, which two requests at once pass together;
# email and identifier are unique in the database too, where such a race is a 500.
class Contact < ApplicationRecord
  include EventDispatching

  belongs_to :account
  has_many :contact_inboxes, dependent: :destroy_async
  has_many :conversations, dependent: :destroy_async
  has_many :inboxes, through: :contact_inboxes

  before_validation :normalise
  validates :email, allow_nil: true, uniqueness: { scope: :account_id }, format: { with: /\A[^@\s]+@[^@\s]+\z/, message: 'Invalid email' }
  validates :identifier, allow_nil: true, uniqueness: { scope: :account_id }
  validates :phone_number, allow_nil: true, uniqueness: { scope: :account_id },
                           format: { with: /\A\+[1-9]\d{1,14}\z/, message: 'should be in e164 format' }

  after_update_commit -> { dispatch('contact.updated', changed_attributes: changes_told) if previous_changes.present? }

  # Those without email, phone and identifier are visitors; lists and searches leave them out.
  scope :resolved, -> { where("contacts.email <> '' OR contacts.phone_number <> '' OR contacts.identifier <> ''") }
  scope :search, lambda { |words|
    where("contacts.name ILIKE :q OR contacts.email ILIKE :q OR contacts.phone_number ILIKE :q OR contacts.identifier ILIKE :q OR " \
          "contacts.additional_attributes->>'company_name' ILIKE :q", q: "%#{sanitize_sql_like(words)}%")
  }

  def push_event_data
    { additional_attributes: additional_attributes, custom_attributes: custom_attributes, email: email, id: id, identifier: identifier,
      name: name, phone_number: phone_number, thumbnail: '', blocked: blocked, type: 'contact' }
  end

  # As the sender of a webhook: without a type (facts 8).
  def webhook_data
    push_event_data.except(:type).merge(avatar: '', account: account.webhook_data)
  end

  private

  def normalise
    self.email = email.presence&.downcase
    self.phone_number = phone_number.presence
    self.identifier = identifier.presence
  end
end

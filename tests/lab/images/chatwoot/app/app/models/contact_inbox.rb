# A contact's address in an inbox: the source_id, unique in the inbox by the database (facts 8).
class ContactInbox < ApplicationRecord
  belongs_to :contact
  belongs_to :inbox
  has_many :conversations, dependent: :destroy_async
  has_secure_token :pubsub_token

  validates :source_id, presence: true

  def webhook_data
    { id: id, contact_id: contact_id, inbox_id: inbox_id, source_id: source_id, created_at: created_at, updated_at: updated_at,
      hmac_verified: hmac_verified, pubsub_token: pubsub_token }
  end
end

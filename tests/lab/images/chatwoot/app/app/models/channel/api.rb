# The channel that the WhatsApp relay uses; its webhook gets every event, unfiltered (facts 7, 8).
class Channel::Api < ApplicationRecord
  self.table_name = 'channel_api'
  EDITABLE = [:webhook_url, :hmac_mandatory, { additional_attributes: {} }].freeze

  belongs_to :account
  has_one :inbox, as: :channel, dependent: :destroy
  has_secure_token :identifier
  has_secure_token :hmac_token

  validates :webhook_url, length: { maximum: 2048 }
end

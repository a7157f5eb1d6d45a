# The chat on a website. Here for what an inbox without an API channel refuses: incoming messages and delivery
# reports over the API (facts 8). The widget's own API is not part of the double.
class Channel::WebWidget < ApplicationRecord
  self.table_name = 'channel_web_widgets'
  EDITABLE = %i[website_url widget_color welcome_title welcome_tagline hmac_mandatory].freeze

  belongs_to :account
  has_one :inbox, as: :channel, dependent: :destroy
  has_secure_token :website_token
  has_secure_token :hmac_token

  validates :website_url, presence: true
end

# The token of the header api_access_token: 24 characters, unique, and it may be set to a declared value (facts 7).
class AccessToken < ApplicationRecord
  belongs_to :owner, polymorphic: true
  has_secure_token :token
end

# Gives each new owner its one access token (facts 7: one a user, no expiry, no scope).
module AccessTokenable
  extend ActiveSupport::Concern

  included do
    has_one :access_token, as: :owner, dependent: :destroy
    after_create :create_access_token
  end
end

# A user's place in an account. Its creation writes the presence to Redis (facts 7).
class AccountUser < ApplicationRecord
  belongs_to :account
  belongs_to :user

  enum :role, { agent: 0, administrator: 1 }
  enum :availability, { online: 0, offline: 1, busy: 2 }

  validates :user_id, uniqueness: { scope: :account_id }

  after_create_commit -> { Redis::Alfred.hset("ONLINE_STATUS::#{account_id}", user_id, availability) }
end

# An agent's membership in an inbox; kept in Redis too, for the round robin (facts 7).
class InboxMember < ApplicationRecord
  belongs_to :user
  belongs_to :inbox

  validates :user_id, uniqueness: { scope: :inbox_id }

  after_create_commit -> { Redis::Alfred.lpush("ROUND_ROBIN_AGENTS:#{inbox_id}", user_id) }
  after_destroy_commit -> { Redis::Alfred.lrem("ROUND_ROBIN_AGENTS:#{inbox_id}", user_id) }
end

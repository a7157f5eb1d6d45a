# A user's place in an account. Its creation makes the notification settings and writes the presence to Redis (facts 7).
class AccountUser < ApplicationRecord
  belongs_to :account
  belongs_to :user
  belongs_to :inviter, class_name: 'User', optional: true

  enum :role, { agent: 0, administrator: 1 }
  enum :availability, { online: 0, offline: 1, busy: 2 }

  validates :user_id, uniqueness: { scope: :account_id }

  after_create -> { NotificationSetting.find_or_create_by!(account_id: account_id, user_id: user_id) { |row| row.email_flags = 2 } }
  after_create_commit -> { Redis::Alfred.hset("ONLINE_STATUS::#{account_id}", user_id, availability) }
  after_destroy :leave_inboxes_and_teams

  private

  def leave_inboxes_and_teams
    NotificationSetting.where(account_id: account_id, user_id: user_id).destroy_all
    user.inbox_members.joins(:inbox).where(inboxes: { account_id: account_id }).destroy_all
    user.team_members.joins(:team).where(teams: { account_id: account_id }).destroy_all
  end
end

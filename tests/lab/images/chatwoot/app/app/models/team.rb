# A group of agents. Trap: the name is stored in lower case, so look it up that way.
class Team < ApplicationRecord
  belongs_to :account
  has_many :team_members, dependent: :destroy
  has_many :members, through: :team_members, source: :user
  has_many :conversations, dependent: :nullify

  before_validation -> { self.name = name.downcase if name }
  validates :name, presence: true, uniqueness: { scope: :account_id }

  def add_members(user_ids)
    user_ids.each { |user_id| team_members.find_or_create_by!(user_id: user_id) }
  end

  def remove_members(user_ids)
    team_members.where(user_id: user_ids).destroy_all
  end

  def push_event_data = { id: id, name: name }
end

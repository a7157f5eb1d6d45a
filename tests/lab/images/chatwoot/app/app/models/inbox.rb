# A mailbox of an account, on top of a channel, with a working week of its own time zone (facts 7).
class Inbox < ApplicationRecord
  include EventDispatching

  belongs_to :account
  belongs_to :channel, polymorphic: true, dependent: :destroy
  has_many :inbox_members, dependent: :destroy
  has_many :members, through: :inbox_members, source: :user
  has_many :contact_inboxes, dependent: :destroy
  has_many :contacts, through: :contact_inboxes
  has_many :conversations, dependent: :destroy
  has_many :messages
  has_many :working_hours, -> { order(:day_of_week) }, dependent: :destroy

  validates :name, presence: true
  validates :timezone, inclusion: { in: TZInfo::Timezone.all_identifiers }

  after_create -> { WorkingHour.create_week(self) }
  after_update_commit -> { dispatch('inbox.updated', changed_attributes: changes_told) if previous_changes.present? }

  # Trap (facts 6): silent unless the variable is set, though a webhook may subscribe to these two events.
  def dispatch(event, data = {})
    super if ENV['ENABLE_INBOX_EVENTS'].present?
  end

  def api? = channel_type == 'Channel::Api'

  def out_of_office? = working_hours_enabled? && !working_hours.find_by(day_of_week: now.wday)&.open_at?(now)

  def add_members(user_ids)
    user_ids.each { |user_id| inbox_members.find_or_create_by!(user_id: user_id) }
  end

  def remove_members(user_ids)
    inbox_members.where(user_id: user_ids).destroy_all
  end

  def webhook_data = { id: id, name: name }

  private

  def now = Time.zone.now.in_time_zone(timezone)
end

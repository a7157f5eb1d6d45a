# One day of an inbox's working week. A new inbox is open from Monday to Friday, nine to five, in its time zone.
class WorkingHour < ApplicationRecord
  TIMES = %w[day_of_week closed_all_day open_hour open_minutes close_hour close_minutes open_all_day].freeze

  belongs_to :inbox
  belongs_to :account

  validates :day_of_week, inclusion: { in: 0..6 }, uniqueness: { scope: :inbox_id }
  validates :open_hour, :close_hour, inclusion: { in: 0..23 }, unless: :closed_all_day?
  validates :open_minutes, :close_minutes, inclusion: { in: 0..59 }, unless: :closed_all_day?
  validate -> { errors.add(:close_hour, 'Closing time cannot be before opening time') if closes_before_it_opens? }
  before_validation -> { self.account ||= inbox&.account }

  def self.create_week(inbox)
    (0..6).each do |day|
      weekend = [0, 6].include?(day)
      times = weekend ? {} : { open_hour: 9, open_minutes: 0, close_hour: 17, close_minutes: 0 }
      inbox.working_hours.create!(day_of_week: day, closed_all_day: weekend, open_all_day: false, **times)
    end
  end

  def open_at?(time)
    return !closed_all_day? if closed_all_day? || open_all_day?

    minute = (time.hour * 60) + time.min
    (((open_hour * 60) + open_minutes)...((close_hour * 60) + close_minutes)).cover?(minute)
  end

  private

  def closes_before_it_opens?
    return false if closed_all_day? || [open_hour, open_minutes, close_hour, close_minutes].any?(&:nil?)

    ([open_hour, open_minutes] <=> [close_hour, close_minutes]) == 1
  end
end

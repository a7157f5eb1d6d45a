# Inboxes: the list sits in `payload`, one inbox at the top level (facts 8). The double has two channels.
class Api::V1::Accounts::InboxesController < Api::V1::Accounts::BaseController
  SETTINGS = %i[name greeting_enabled greeting_message enable_auto_assignment lock_to_single_conversation working_hours_enabled
                out_of_office_message timezone csat_survey_enabled allow_messages_after_resolved].freeze
  CHANNELS = { 'api' => Channel::Api, 'web_widget' => Channel::WebWidget }.freeze

  before_action :require_administrator, except: %i[index show]

  def index
    render json: { payload: visible_inboxes.order(:name).map { |inbox| inbox_payload(inbox) } }
  end

  def show
    require_visible(inbox)
    render json: inbox_payload(inbox)
  end

  def create
    type = CHANNELS[params.dig(:channel, :type)] || raise(ActionController::ParameterMissing, :channel)
    made = Inbox.transaction do
      channel = type.create!(params.require(:channel).permit(*type::EDITABLE).merge(account: current_account))
      current_account.inboxes.create!(params.permit(*SETTINGS).merge(channel: channel))
    end
    render json: inbox_payload(made)
  end

  def update
    inbox.update!(params.permit(*SETTINGS))
    inbox.channel.update!(params.require(:channel).permit(*inbox.channel.class::EDITABLE)) if params[:channel].present?
    change_working_hours if params[:working_hours].present?
    render json: inbox_payload(inbox.reload)
  end

  # Only a promise: a job does it.
  def destroy
    DeleteObjectJob.perform_later(inbox)
    render json: { message: 'Your inbox deletion request will be processed in some time.' }
  end

  private

  def inbox
    @inbox ||= current_account.inboxes.find(params[:id])
  end

  def change_working_hours
    params.permit(working_hours: WorkingHour::TIMES)[:working_hours].each do |day|
      inbox.working_hours.find_by!(day_of_week: day[:day_of_week]).update!(day)
    end
  end
end

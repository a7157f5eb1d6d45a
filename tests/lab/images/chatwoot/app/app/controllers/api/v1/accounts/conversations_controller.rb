# Conversations (facts 8). Traps: the list shows open ones unless told; without source_id each creation makes a new
# address of the contact; nothing keeps two conversations from being opened.
class Api::V1::Accounts::ConversationsController < Api::V1::Accounts::BaseController
  RESULTS = ENV.fetch('CONVERSATION_RESULTS_PER_PAGE', 25).to_i
  # No source_id and no contact_id.
  FILTERS = { 'status' => 'conversations.status', 'assignee_id' => 'conversations.assignee_id', 'inbox_id' => 'conversations.inbox_id',
              'team_id' => 'conversations.team_id', 'priority' => 'conversations.priority', 'display_id' => 'conversations.display_id',
              'labels' => 'conversations.cached_label_list', 'created_at' => 'conversations.created_at',
              'last_activity_at' => 'conversations.last_activity_at' }.freeze

  before_action -> { require_visible(conversation.inbox) }, except: %i[index filter create]

  def index
    found = narrowed
    render json: { data: { meta: counts(found), payload: payloads(assigned(found)) } }
  end

  def filter
    numbers = { 'status' => Conversation.statuses, 'priority' => Conversation.priorities }
    found = FilterService.new(visible, params[:payload], columns: FILTERS, numbers: numbers).perform
    render json: { meta: counts(found), payload: payloads(found) }
  rescue FilterService::Invalid => e
    could_not_create(e.message)
  end

  def show
    render json: conversation_payload(conversation)
  end

  def create
    made = Conversation.transaction do
      ConversationBuilder.new(params: params, contact_inbox: contact_inbox).perform.tap do |conversation|
        Messages::MessageBuilder.new(current_user, conversation, params[:message]).perform if params[:message].present?
      end
    end
    render json: conversation_payload(made.reload)
  rescue ActiveRecord::RecordNotUnique
    could_not_create('source_id should be unique')
  end

  def toggle_status
    if params[:status].present?
      conversation.update!(status: params[:status], snoozed_until: params[:snoozed_until])
    else
      conversation.toggle_status
    end
    render json: { meta: {}, payload: { success: true, conversation_id: conversation.display_id, current_status: conversation.status,
                                        snoozed_until: conversation.snoozed_until } }
  end

  def toggle_typing_status
    conversation.dispatch("conversation.typing_#{params[:typing_status] == 'on' ? 'on' : 'off'}",
                          user: current_user.webhook_data, is_private: params[:is_private] || false)
    head :ok
  end

  private

  def conversation
    @conversation ||= current_account.conversations.find_by!(display_id: params[:id])
  end

  # Either inbox and contact, or the source_id of an address that is there.
  def contact_inbox
    address = if params[:inbox_id].present? && params[:contact_id].present?
                inbox = current_account.inboxes.find(params[:inbox_id])
                contact = current_account.contacts.find(params[:contact_id])
                ContactInboxBuilder.new(contact: contact, inbox: inbox, source_id: params[:source_id]).perform
              else
                ContactInbox.joins(:inbox).find_by!(source_id: params[:source_id], inboxes: { account_id: current_account.id })
              end
    require_visible(address.inbox)
    address
  end

  def visible = current_account.conversations.where(inbox_id: visible_inboxes)

  def narrowed
    found = visible
    status = params[:status].presence || 'open'
    found = found.where(status: status) unless status == 'all'
    found = found.where(inbox_id: params[:inbox_id]) if params[:inbox_id].present?
    found = found.where(team_id: params[:team_id]) if params[:team_id].present?
    found = found.joins(:contact_inbox).where(contact_inboxes: { source_id: params[:source_id] }) if params[:source_id].present?
    found
  end

  def assigned(found)
    case params[:assignee_type]
    when 'me' then found.where(assignee_id: current_user.id)
    when 'unassigned' then found.where(assignee_id: nil)
    when 'assigned' then found.where.not(assignee_id: nil)
    else found
    end
  end

  def counts(found)
    { mine_count: found.where(assignee_id: current_user.id).count, assigned_count: found.where.not(assignee_id: nil).count,
      unassigned_count: found.where(assignee_id: nil).count, all_count: found.count }
  end

  def payloads(found)
    page(found.order(last_activity_at: :desc), RESULTS).map { |conversation| conversation_payload(conversation) }
  end
end

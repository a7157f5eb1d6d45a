# Contacts (facts 8). Traps: search matches parts of words; a duplicate is 422; with inbox_id and no source_id a random
# source_id is made; a source_id that another contact has is 500.
class Api::V1::Accounts::ContactsController < Api::V1::Accounts::BaseController
  FILTERS = { 'name' => 'contacts.name', 'email' => 'contacts.email', 'phone_number' => 'contacts.phone_number',
              'identifier' => 'contacts.identifier', 'created_at' => 'contacts.created_at',
              'last_activity_at' => 'contacts.last_activity_at', 'blocked' => 'contacts.blocked' }.freeze

  before_action :require_administrator, only: [:destroy]

  def index
    render_list current_account.contacts.resolved
  end

  def search
    # Trap (facts 15): upstream means a 422 here, and returns before it renders it.
    return render(json: { meta: { count: nil, current_page: 1 }, payload: [] }) if params[:q].blank?

    render_list current_account.contacts.resolved.search(params[:q].strip)
  end

  def filter
    render_list FilterService.new(current_account.contacts.resolved, params[:payload], columns: FILTERS).perform
  rescue FilterService::Invalid => e
    could_not_create(e.message)
  end

  def show
    render json: { payload: contact_payload(contact) }
  end

  def create
    Contact.transaction do
      @contact = current_account.contacts.create!(chosen)
      @contact_inbox = ContactInboxBuilder.new(contact: @contact, inbox: inbox, source_id: params[:source_id]).perform if params[:inbox_id].present?
    end
    render json: { payload: { contact: contact_payload(@contact.reload),
                              contact_inbox: { inbox: @contact_inbox&.inbox, source_id: @contact_inbox&.source_id } } }
  end

  # Attributes are merged, not replaced.
  def update
    given = chosen
    given[:custom_attributes] = contact.custom_attributes.merge(given[:custom_attributes]) if given[:custom_attributes]
    given[:additional_attributes] = contact.additional_attributes.merge(given[:additional_attributes]) if given[:additional_attributes]
    contact.update!(given)
    render json: { payload: contact_payload(contact) }
  end

  # Its conversations go in jobs.
  def destroy
    contact.destroy!
    head :ok
  end

  # Trap (facts 8): for an API inbox that has no address of the contact a throw-away one is shown.
  def contactable_inboxes
    shown = visible_inboxes.where(channel_type: 'Channel::Api').map do |inbox|
      source_id = contact.contact_inboxes.where(inbox: inbox).order(:id).last&.source_id
      { source_id: source_id || SecureRandom.uuid, inbox: slim_inbox_payload(inbox) }
    end
    render json: { payload: shown }
  end

  private

  def contact
    @contact ||= current_account.contacts.find(params[:id])
  end

  def inbox
    current_account.inboxes.find(params[:inbox_id])
  end

  def chosen
    params.permit(:name, :identifier, :email, :phone_number, :blocked, additional_attributes: {}, custom_attributes: {}).to_h
  end

  def render_list(contacts)
    shown = page(contacts.order(:id).includes(contact_inboxes: :inbox))
    render json: { meta: { count: contacts.count, current_page: current_page }, payload: shown.map { |contact| contact_payload(contact) } }
  end
end

# Gives a contact an address in an inbox; the same one twice is the same record (facts 8).
class Api::V1::Accounts::Contacts::ContactInboxesController < Api::V1::Accounts::Contacts::BaseController
  def create
    inbox = current_account.inboxes.find(params[:inbox_id])
    require_visible(inbox)
    render json: contact_inbox_payload(ContactInboxBuilder.new(contact: contact, inbox: inbox, source_id: params[:source_id]).perform)
  end
end

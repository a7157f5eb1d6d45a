# The account's webhooks, for administrators; the same URL twice is 422 (facts 8).
class Api::V1::Accounts::WebhooksController < Api::V1::Accounts::BaseController
  before_action :require_administrator

  def index
    render json: { payload: { webhooks: current_account.webhooks.order(:id).map { |webhook| webhook_payload(webhook) } } }
  end

  def create
    render_one current_account.webhooks.create!(chosen)
  end

  def update
    webhook.update!(chosen)
    render_one webhook
  end

  def destroy
    webhook.destroy!
    head :ok
  end

  private

  def webhook
    @webhook ||= current_account.webhooks.find(params[:id])
  end

  def chosen
    params.require(:webhook).permit(:url, :name, :inbox_id, subscriptions: [])
  end

  def render_one(webhook)
    render json: { payload: { webhook: webhook_payload(webhook) } }
  end
end
